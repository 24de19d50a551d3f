%% Native functions that work in slices on long input give what they give at once, while others collect the process's heap (timing)
-module(native_slices).
-export([main/0]).

main() ->
    Me = self(),
    Collector = spawn(fun() -> collect(Me) end),
    Result = [{Name, result(F)} || {Name, F} <- work()],
    exit(Collector, kill),
    Result.

collect(P) ->
    garbage_collect(P),
    receive after 10 -> collect(P) end.

result(F) ->
    try F() of
        R -> erlang:phash2(R)
    catch
        error:E -> E
    end.

work() ->
    N = 150000,
    Seq = lists:seq(1, N),
    Bytes = [I band 255 || I <- Seq],
    Ascii = [$a + I rem 26 || I <- Seq],
    Wide = [case I rem 5 of 0 -> 16#10000 + I rem 1000; 1 -> 300; _ -> $x end || I <- Seq],
    Deep = lists:foldl(fun(I, Acc) -> [I band 255, [<<I:16>> | Acc], <<"ab">>] end, [], Seq),
    Bin = list_to_binary(Bytes),
    Utf = unicode:characters_to_binary(Wide),
    <<_:3, Odd/bitstring>> = <<0:3, Utf/binary>>,
    Latin = list_to_binary([128 + I rem 128 || I <- Seq]),
    BigBin = binary:copy(Bin, 10),
    Pieces = [binary:part(BigBin, I * 300, 299) || I <- lists:seq(0, 4900)],
    Term = [{I, integer_to_list(I), #{I => a}} || I <- lists:seq(1, 60000)],
    Packed = term_to_binary(Term, [compressed]),
    [
        {list_to_binary, fun() -> list_to_binary(Deep) end},
        {list_to_binary_bad, fun() -> list_to_binary(Bytes ++ [256]) end},
        {list_to_binary_tail, fun() -> list_to_binary(Bytes ++ <<"tail">>) end},
        {list_to_binary_improper, fun() -> list_to_binary(Bytes ++ tail) end},
        {list_to_binary_bits, fun() -> list_to_binary(Bytes ++ [<<1:1>>]) end},
        {list_to_bitstring, fun() -> list_to_bitstring([<<5:3>>, Deep, <<1:1>>, Deep]) end},
        {iolist_to_binary_long, fun() -> iolist_to_binary([1, BigBin, 2, BigBin | BigBin]) end},
        {iolist_size, fun() -> iolist_size(Deep) end},
        {iolist_size_bad, fun() -> iolist_size([Deep, a]) end},
        {iolist_to_iovec, fun() -> iolist_to_binary(erlang:iolist_to_iovec([Deep, Pieces, Deep])) end},
        {iolist_to_iovec_parts, fun() -> length(erlang:iolist_to_iovec([Deep, Pieces, Deep])) > 4900 end},
        {binary_to_list, fun() -> binary_to_list(BigBin) end},
        {binary_to_list_3, fun() -> binary_to_list(BigBin, 7, 1000000) end},
        {bitstring_to_list, fun() -> bitstring_to_list(<<BigBin/binary, 5:3>>) end},
        {to_binary, fun() -> unicode:characters_to_binary(Wide) end},
        {to_binary_deep, fun() -> unicode:characters_to_binary([Wide, [Utf | Odd], Ascii]) end},
        {to_binary_same, fun() -> unicode:characters_to_binary(binary:copy(Utf, 5)) end},
        {to_binary_odd, fun() -> unicode:characters_to_binary(Odd) end},
        {to_binary_latin1, fun() -> unicode:characters_to_binary(Latin, latin1) end},
        {to_binary_latin1_bad, fun() -> unicode:characters_to_binary(Wide, latin1) end},
        {to_binary_error, fun() -> unicode:characters_to_binary([Wide, [Ascii ++ [16#d800, 1 | <<"rest">>]], Ascii]) end},
        {to_binary_error_late, fun() -> unicode:characters_to_binary(<<(binary:copy(Utf, 5))/binary, 255, 1, 2>>) end},
        {to_binary_incomplete, fun() -> unicode:characters_to_binary(<<(binary:copy(Utf, 5))/binary, 16#e2, 16#82>>) end},
        {to_binary_joined, fun() -> unicode:characters_to_binary([<<Utf/binary, 16#e2>>, <<16#82>>, <<16#ac, Utf/binary>>]) end},
        {to_binary_bad, fun() -> unicode:characters_to_binary([Wide, a]) end},
        {to_list, fun() -> unicode:characters_to_list(Utf) end},
        {to_list_deep, fun() -> unicode:characters_to_list([Wide, [Utf | Odd], Ascii]) end},
        {to_list_latin1, fun() -> unicode:characters_to_list(Latin, latin1) end},
        {to_list_error, fun() -> unicode:characters_to_list([Wide, [Ascii ++ [16#d800, 1 | <<"rest">>]], Ascii]) end},
        {to_list_error_late, fun() -> unicode:characters_to_list(<<Utf/binary, 255, 1, 2>>) end},
        {to_list_incomplete, fun() -> unicode:characters_to_list(<<Utf/binary, 16#e2, 16#82>>) end},
        {packed_back, fun() -> binary_to_term(Packed) end},
        {packed_used, fun() -> element(2, binary_to_term(<<Packed/binary, 1, 2, 3>>, [used])) =:= byte_size(Packed) end},
        {packed_cut, fun() -> binary_to_term(binary:part(Packed, 0, byte_size(Packed) - 1000)) end},
        {packed_random, fun() -> rand_term(compressed) end},
        {packed_level_9, fun() -> binary_to_term(term_to_binary(Term, [{compressed, 9}])) =:= Term end},
        {t2b, fun() -> binary_to_term(term_to_binary(Term)) =:= Term end},
        {external_size, fun() -> erlang:external_size(Term) =:= byte_size(term_to_binary(Term)) end},
        {reverse, fun() -> lists:reverse(Seq, tail) end},
        {reverse_bad, fun() -> lists:reverse(Seq ++ tail) end},
        {member, fun() -> {lists:member(N, Seq), lists:member(a, Seq), lists:member({1}, [{I} || I <- [2 | Seq]])} end},
        {member_bad, fun() -> lists:member(a, Seq ++ tail) end},
        {keyfind, fun() -> {lists:keyfind(60000, 1, Term), lists:keymember(a, 2, Term), lists:keysearch(59999.0, 1, Term)} end},
        {append, fun() -> Seq ++ (Seq ++ tail) end},
        {append_bad, fun() -> Seq ++ (Seq ++ tail) ++ [1] end},
        {subtract, fun() -> (Seq ++ Seq) -- lists:reverse(Seq) end},
        {matches, fun() -> binary:matches(BigBin, <<17, 18>>) end},
        {split, fun() -> binary:split(BigBin, <<17, 18>>, [global]) end},
        {split_trim, fun() -> binary:split(<<BigBin/binary, 17, 18>>, [<<17, 18>>, <<0>>], [global, trim_all]) end},
        {copy, fun() -> {binary:copy(<<"abc">>, 1000001), binary:copy(BigBin, 3), binary:copy(<<>>, 100000000), binary:copy(<<"x">>, 0)} end}
    ].

%% What does not become shorter is left as it is.
rand_term(Option) ->
    B = iolist_to_binary([<<(erlang:phash2(I)):27, 0:5>> || I <- lists:seq(1, 200000)]),
    P = term_to_binary([B, B], [Option]),
    R = << <<(erlang:phash2({X, I}) band 255)>> || <<X>> <= binary:part(B, 0, 100000), I <- [1, 2, 3, 4, 5] >>,
    Q = term_to_binary(R, [Option]),
    {binary_to_term(P) =:= [B, B], binary_to_term(Q) =:= R, byte_size(Q) =:= byte_size(R) + 6}.
