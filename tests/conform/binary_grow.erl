%% Binaries that grow by appending, shared prefixes, sub-binaries that outlive their whole.
-module(binary_grow).
-export([main/0]).
grow(0, B) -> B;
grow(N, B) -> grow(N - 1, <<B/binary, N:16>>).
main() ->
    A = grow(20000, <<>>), P = grow(100, <<"x">>), Q1 = <<P/binary, "1">>, Q2 = <<P/binary, "2">>, Q3 = <<Q1/binary, "3">>,
    S = self(), Big = binary:copy(<<"0123456789">>, 10000), Sub = binary:part(Big, 55555, 10), [spawn(fun() -> S ! {I, byte_size(Big), Sub} end) || I <- [1, 2, 3]], Got = [receive {I, Z, X} -> {I, Z, X} end || I <- [1, 2, 3]],
    Bits = lists:foldl(fun(I, Acc) -> <<Acc/bits, I:3>> end, <<>>, lists:seq(1, 1000)),
    [byte_size(A), erlang:phash2(A), erlang:crc32(A), Q1 =:= Q2, binary:last(Q1), binary:last(Q2), binary:part(Q3, byte_size(Q3), -2), Got, bit_size(Bits), erlang:phash2(Bits), [X || <<X:3>> <= Bits, X > 6] =:= lists:duplicate(125, 7),
     begin garbage_collect(), Sub end, erlang:crc32(iolist_to_binary([A, Big | Sub])), << <<(X + 1)>> || <<X>> <= Sub >>].
