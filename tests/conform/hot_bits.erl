%% Bit strings that are built and taken apart in functions called often: fields of all kinds, appended at whole bytes and within them,
%% to what others hold, and beyond the room there is.
-module(hot_bits).
-export([main/0]).
main() ->
    L = lists:seq(1, 3000),
    Whole = whole(L, <<>>), Bits = bits(L, <<>>), Words = words(L, <<>>),
    [sum([fixed(X, X * 1.5) || X <- L]), sum([odd(X) || X <- L]), show(Whole), show(Bits), show(Words), show(texts(L, <<>>)),
     branches(L, <<"root">>, []), kept(L, <<0:300>>, []), show(sent(300, <<>>)), errors(L, 0), big(40, 1, <<>>),
     show(<< <<(X + Y):7>> || <<X:5, Y:5>> <= Words >>), show(<< <<Y/float, X:16/little>> || <<X:16>> <= Words, Y <- [X * 0.25] >>),
     parts(Whole, 0, []), tails(Whole, 0), odd_parts(Bits, []), mixed(lists:sublist(L, 200), <<1:1>>), sizes(Words, 1, 0)].
sum(Bs) -> {length(Bs), erlang:crc32(<< <<B/bits, 0:(-bit_size(B) band 7)>> || B <- Bs >>)}.
show(B) -> {bit_size(B), erlang:phash2(B), erlang:crc32(<<B/bits, 0:(-bit_size(B) band 7)>>)}.
fixed(X, F) -> <<X, X:16/little, (-X):24, (X * 7919):32/little-signed, "text", F/float, F:32/float, F:32/little-float, X:64, (-X):64/little, (X * X * X * X):56>>.
odd(X) -> <<X:3, (X bsr 1):13, -1:1, X:40, (X bxor 5):7>>.
whole([X | T], B) -> whole(T, <<B/binary, X:16/little, X, (X bsr 3):24/big, (-X):16/signed, 1.5:32/float, X:64>>);
whole([], B) -> B.
bits([X | T], B) -> bits(T, <<B/bits, X:5, (X bsr 2):11>>);
bits([], B) -> B.
words([X | T], B) -> words(T, <<B/bits, X:56>>);
words([], B) -> B.
texts([X | T], B) -> texts(T, <<B/binary, "a text of more than eight bytes, ", X, "and more">>);
texts([], B) -> B.
%% Twice the same binary appended to: both must live.
branches([X | T], B, Acc) when X rem 100 =:= 0 ->
    P = <<B/binary, X>>, Q = <<B/binary, (X + 1)>>, R = <<P/binary, 1:8>>, S = <<Q/binary, 2:8>>,
    branches(T, R, [P, Q, R, S | Acc]);
branches([X | T], B, Acc) -> branches(T, <<B/binary, X>>, Acc);
branches([], B, Acc) -> {show(B), [erlang:phash2(A) || A <- Acc]}.
kept([X | T], B, Acc) -> kept(T, <<B/bits, X:3>>, case X rem 500 of 0 -> [B | Acc]; _ -> Acc end);
kept([], B, Acc) -> {show(B), [show(A) || A <- Acc]}.
sent(0, B) -> B;
sent(N, B) ->
    S = self(), spawn(fun() -> S ! {N, <<B/binary, "theirs">>} end), C = <<B/binary, N:16>>,
    receive {N, T} -> true = binary:part(T, 0, byte_size(B)) =:= B, <<"theirs">> = binary:part(T, byte_size(B), 6) end,
    sent(N - 1, C).
errors([X | T], A) -> errors(T, A + try bad(X rem 4, X) catch error:badarg -> 1; error:E -> {_, V} = E, V end);
errors([], A) -> A.
bad(0, X) -> byte_size(<<X:8, a:8>>);
bad(1, X) -> byte_size(<<(self())/binary, X:8>>);
bad(2, X) -> byte_size(<<X/float, 1:8>>);
bad(3, X) -> bit_size(<<(<<X:3>>)/bits, X:8>>).
big(0, _, B) -> show(B);
big(N, X, B) -> big(N - 1, X * -17, <<B/binary, X:32, X:64/little, X:16>>).
parts(<<N, _/binary>> = B, At, Acc) when byte_size(B) > 40 ->
    K = 1 + N rem 37, <<P:K/binary, R/binary>> = B, parts(R, At + 1, if At rem 50 =:= 0 -> [erlang:phash2(P) | Acc]; true -> Acc end);
parts(B, At, Acc) -> {At, B, erlang:phash2(Acc)}.
tails(<<_, R/binary>>, N) when byte_size(R) rem 7 =:= 3 -> tails(R, N + byte_size(R));
tails(<<_:3/binary, R/binary>>, N) -> tails(R, N + 1);
tails(<<_/binary>>, N) -> N.
odd_parts(<<P:13/bits, R/bits>>, Acc) -> odd_parts(R, [P | Acc]);
odd_parts(R, Acc) -> {R, erlang:phash2(Acc)}.
mixed([X | T], B) -> mixed(T, case X rem 3 of 0 -> <<B/bits, X:7>>; 1 -> <<B/bits, X:64, X:3>>; 2 -> <<B/bits, (X * 1.0):32/float>> end);
mixed([], B) -> show(B).
sizes(B, N, A) ->
    case B of
        <<P:N/binary-unit:3, R/bits>> -> sizes(R, N rem 90 + 1, A + bit_size(P));
        <<P:N/bits, _/bits>> -> A + bit_size(P);
        _ -> A
    end.
