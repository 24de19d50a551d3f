%% What the compiler puts in line against the functions that give each operation its meaning: all pairs of edge values, and random
%% ones. No difference, and a digest of all results, which is the real machine's.
-module(fast_paths).
-export([main/0]).

-define(IN_BODY(Name, Op), {Name, fun(A, B) -> A Op B end, fun(A, B) when (A Op B) =:= (A Op B) -> true; (_, _) -> false end}).
-define(PREFIX(Name, Op), {Name, fun(A) -> Op A end, fun(A) when (Op A) =:= (Op A) -> true; (_) -> false end}).
-define(CALL1(F), {F, fun(A) -> F(A) end, fun(A) when F(A) =:= F(A) -> true; (_) -> false end}).
-define(CALL2(F), {F, fun(A, B) -> F(A, B) end, fun(A, B) when F(A, B) =:= F(A, B) -> true; (_, _) -> false end}).
-define(BODY1(F), {F, fun(A) -> F(A) end, none}).
-define(BODY2(F), {F, fun(A, B) -> F(A, B) end, none}).
-define(WITH(Name, Op, C), {Name, C, fun(A) -> A Op C end}).
-define(FROM(Name, Op, C), {Name, C, fun(A) -> C Op A end}).

main() ->
    Edges = edges(),
    Random = random(600, 20260101),
    Pairs = [{A, B} || A <- Edges, B <- Edges] ++ lists:zip(Random, tl(Random) ++ [hd(Random)])
        ++ [{A, A} || A <- Random],
    Singles = Edges ++ Random,
    Some = lists:sublist([N || N <- Random, is_number(N)], 200),
    Numbers = [P || {A, B} = P <- Pairs ++ lists:zip(Some, lists:reverse(Some)), is_number(A), is_number(B)],
    Integers = [P || {A, B} = P <- Numbers, is_integer(A), is_integer(B)],
    Each = fun lists:foreach/2,
    put(seen, {0, [], 0}),
    Each(fun({Op, In, Guard}) -> Each(fun({A, B}) -> both(Op, In, Guard, [A, B]) end, Pairs) end, binary()),
    Shifts = [0, 1, -1, 3, 58, 59, 60, 64, 65, -64, 200, -300, a, 1.0],
    Each(fun({Op, In, Guard}) -> Each(fun(A) -> Each(fun(B) -> both(Op, In, Guard, [A, B]) end, Shifts) end, Singles) end, shifts()),
    Each(fun({Op, In, Guard}) -> Each(fun(A) -> both(Op, In, Guard, [A]) end, Singles) end, unary()),
    Each(fun({Op, C, In}) -> Each(fun(A) -> seen({Op, A, C}, result(fun() -> In(A) end), meaning(Op, [A, C])) end, Singles) end, with_constants()),
    Each(fun({Op, C, In}) -> Each(fun(A) -> seen({Op, C, A}, result(fun() -> In(A) end), meaning(Op, [C, A])) end, Singles) end, from_constants()),
    Known = fun(Ways, On) ->
        Each(fun({Name, In, Ops}) -> Each(fun({A, B}) -> seen({Name, A, B}, result(fun() -> In(A, B) end), wanted(Ops, A, B)) end, On) end, Ways)
    end,
    Known(integers(), Integers),
    Known(ranges(), Integers),
    Known(floats(), Numbers),
    Each(fun(A) -> seen({which, A}, which(A), by_functions(A)) end, Singles),
    get(seen).

%% How many, the first differences, and the digest. (The stack stays flat: each exception looks through it.)
seen(At, In, Meant) ->
    {N, Wrong, Digest} = get(seen),
    Found = if In =:= Meant; length(Wrong) > 4 -> Wrong; true -> [{At, In, Meant} | Wrong] end,
    put(seen, {N + 1, Found, erlang:phash2({Digest, In})}).

both(Name, In, Guard, Args) ->
    R = result(fun() -> apply(In, Args) end),
    Meant = meaning(Name, Args),
    case Guard of
        none -> ok;
        _ ->
            % A guard fails just where the operation raises.
            Holds = element(1, Meant) =:= ok,
            Holds = apply(Guard, Args)
    end,
    seen({Name, Args}, R, Meant).

meaning(Op, Args) -> result(fun() -> apply(erlang, Op, Args) end).
wanted(Ops, A, B) -> result(fun() -> Ops(fun(Op, X, Y) -> apply(erlang, Op, [X, Y]) end, A, B) end).

result(F) ->
    try {ok, F()}
    catch Class:Reason -> {Class, Reason}
    end.

binary() ->
    [?IN_BODY('+', +), ?IN_BODY('-', -), ?IN_BODY('*', *), ?IN_BODY('/', /), ?IN_BODY('div', div), ?IN_BODY('rem', rem), ?IN_BODY('band', band), ?IN_BODY('bor', bor),
     ?IN_BODY('bxor', bxor), ?IN_BODY('==', ==), ?IN_BODY('/=', /=), ?IN_BODY('=<', =<), ?IN_BODY('<', <), ?IN_BODY('>=', >=), ?IN_BODY('>', >), ?IN_BODY('=:=', =:=),
     ?IN_BODY('=/=', =/=), ?IN_BODY('and', and), ?IN_BODY('or', or), ?IN_BODY('xor', xor), ?CALL2(element), ?CALL2(map_get), ?CALL2(is_map_key),
     ?CALL2(is_function), ?CALL2(binary_part), ?BODY2(max), ?BODY2(min),
     {'++', fun(A, B) -> A ++ B end, none}, {'--', fun(A, B) -> A -- B end, none}].
shifts() -> [?IN_BODY('bsl', bsl), ?IN_BODY('bsr', bsr)].

unary() ->
    [?PREFIX('-', -), ?PREFIX('+', +), ?PREFIX('bnot', bnot), ?PREFIX('not', not), ?CALL1(hd), ?CALL1(tl), ?CALL1(length), ?CALL1(tuple_size),
     ?CALL1(map_size), ?CALL1(byte_size), ?CALL1(bit_size), ?CALL1(size), ?CALL1(abs), ?CALL1(round), ?CALL1(trunc), ?CALL1(floor),
     ?CALL1(ceil), ?CALL1(float), ?CALL1(is_atom), ?CALL1(is_binary), ?CALL1(is_bitstring), ?CALL1(is_boolean), ?CALL1(is_float),
     ?CALL1(is_function), ?CALL1(is_integer), ?CALL1(is_list), ?CALL1(is_map), ?CALL1(is_number), ?CALL1(is_pid), ?CALL1(is_port),
     ?CALL1(is_reference), ?CALL1(is_tuple), ?BODY1(atom_to_list), ?BODY1(tuple_to_list), ?BODY1(list_to_tuple),
     ?BODY1(integer_to_list), ?BODY1(atom_to_binary), ?BODY1(bitstring_to_list), ?BODY1(iolist_size)].

with_constants() ->
    [?WITH('+', +, 1), ?WITH('+', +, 576460752303423487), ?WITH('+', +, -576460752303423488), ?WITH('-', -, 1), ?WITH('-', -, 576460752303423488),
     ?WITH('-', -, 1.5), ?WITH('*', *, 2), ?WITH('*', *, -1), ?WITH('*', *, 0), ?WITH('*', *, 10000000019), ?WITH('div', div, 10), ?WITH('div', div, 1),
     ?WITH('div', div, -1), ?WITH('div', div, 4096), ?WITH('rem', rem, 16), ?WITH('rem', rem, -7), ?WITH('rem', rem, 1), ?WITH('band', band, 255), ?WITH('band', band, -1),
     ?WITH('band', band, 576460752303423487), ?WITH('bor', bor, 1), ?WITH('bor', bor, -8), ?WITH('bxor', bxor, -1), ?WITH('bxor', bxor, 12345), ?WITH('bsl', bsl, 1),
     ?WITH('bsl', bsl, 0), ?WITH('bsl', bsl, 70), ?WITH('bsl', bsl, -3), ?WITH('bsr', bsr, 1), ?WITH('bsr', bsr, 60), ?WITH('bsr', bsr, 64), ?WITH('bsr', bsr, -9),
     ?WITH('==', ==, 1), ?WITH('==', ==, 1.0), ?WITH('==', ==, a), ?WITH('==', ==, []), ?WITH('==', ==, {}), ?WITH('=:=', =:=, 0), ?WITH('=:=', =:=, 0.0),
     ?WITH('=:=', =:=, "ab"), ?WITH('=:=', =:=, <<>>), ?WITH('=/=', =/=, -1), ?WITH('/=', /=, 2.0), ?WITH('<', <, 5), ?WITH('<', <, a), ?WITH('<', <, 1.0e300),
     ?WITH('>=', >=, 576460752303423488), ?WITH('>', >, -5), ?WITH('=<', =<, {a}), ?WITH('/', /, 2), ?WITH('/', /, 0.5), ?WITH('and', and, true), ?WITH('or', or, false)].
from_constants() ->
    [?FROM('-', -, 0), ?FROM('-', -, 10), ?FROM('-', -, -576460752303423488), ?FROM('+', +, 3), ?FROM('*', *, 3), ?FROM('div', div, 1000000), ?FROM('rem', rem, -1000003),
     ?FROM('/', /, 1), ?FROM('<', <, 5), ?FROM('>=', >=, b), ?FROM('==', ==, 0), ?FROM('=:=', =:=, 7)].

%% Where the compiler knows something of the operands.
integers() ->
    [{int_add, fun(A, B) when is_integer(A), is_integer(B) -> A + B end, fun(Op, A, B) -> Op('+', A, B) end},
     {int_sub, fun(A, B) when is_integer(A), is_integer(B) -> A - B end, fun(Op, A, B) -> Op('-', A, B) end},
     {int_mul_add, fun(A, B) when is_integer(A), is_integer(B) -> A * B + A end, fun(Op, A, B) -> Op('+', Op('*', A, B), A) end},
     {int_div, fun(A, B) when is_integer(A), is_integer(B) -> A div B end, fun(Op, A, B) -> Op('div', A, B) end},
     {int_both, fun(A, B) when is_integer(A), is_integer(B) -> {A div B, A rem B} end, fun(Op, A, B) -> {Op('div', A, B), Op('rem', A, B)} end},
     {int_bits, fun(A, B) when is_integer(A), is_integer(B) -> (A band B) bxor (A bor B) end,
      fun(Op, A, B) -> Op('bxor', Op('band', A, B), Op('bor', A, B)) end},
     {int_less, fun(A, B) when is_integer(A), is_integer(B), A < B -> less; (A, B) when A =:= B -> same; (_, _) -> more end,
      fun(Op, A, B) -> case {Op('<', A, B), Op('=:=', A, B)} of {true, _} -> less; {_, true} -> same; _ -> more end end}].
ranges() ->
    [{byte_add, fun(A, B) when A >= 0, A < 256, B >= 0, B < 256 -> A + B; (_, _) -> out end, fun small_sum/3},
     {byte_mul, fun(A, B) when A >= 0, A < 256, is_integer(A), is_integer(B) -> A * (B band 16#ffff); (_, _) -> out end, fun small_product/3},
     {masked, fun(A, B) -> ((A band 16#ffffffff) + (B band 16#ffffffff)) band 16#ffffffff end,
      fun(Op, A, B) -> Op('band', Op('+', Op('band', A, 16#ffffffff), Op('band', B, 16#ffffffff)), 16#ffffffff) end},
     {wide, fun(A, B) -> (A band 16#3ffffffffffffff) * (B band 16#ff) - (A band 16#7ffffffffffffff) end,
      fun(Op, A, B) -> Op('-', Op('*', Op('band', A, 16#3ffffffffffffff), Op('band', B, 16#ff)), Op('band', A, 16#7ffffffffffffff)) end},
     {shifted, fun(A, B) -> (A band 16#ffff) bsl (B band 63) end, fun(Op, A, B) -> Op('bsl', Op('band', A, 16#ffff), Op('band', B, 63)) end},
     {down, fun(A, B) -> (A band 16#7ffffffffffffff) bsr (B band 63) end,
      fun(Op, A, B) -> Op('bsr', Op('band', A, 16#7ffffffffffffff), Op('band', B, 63)) end},
     {left, fun(A, B) -> (A band 1023) rem 10 - (B band 1023) div 16 end,
      fun(Op, A, B) -> Op('-', Op('rem', Op('band', A, 1023), 10), Op('div', Op('band', B, 1023), 16)) end}].
small_sum(Op, A, B) ->
    case lists:all(fun(X) -> Op('>=', X, 0) andalso Op('<', X, 256) end, [A, B]) of true -> Op('+', A, B); false -> out end.
small_product(Op, A, B) ->
    case Op('>=', A, 0) andalso Op('<', A, 256) of true -> Op('*', A, Op('band', B, 16#ffff)); false -> out end.
floats() ->
    [{float_add, fun(A, B) when is_float(A), is_float(B) -> A + B; (A, B) -> A * 1.0 + B end,
      fun(Op, A, B) when is_float(A), is_float(B) -> Op('+', A, B); (Op, A, B) -> Op('+', Op('*', A, 1.0), B) end},
     {float_chain, fun(A, B) -> (A - 0.5) * (B + 0.25) / 3.0 end,
      fun(Op, A, B) -> Op('/', Op('*', Op('-', A, 0.5), Op('+', B, 0.25)), 3.0) end},
     {float_div, fun(A, B) when is_float(A) -> A / B; (A, B) -> B / A end,
      fun(Op, A, B) when is_float(A) -> Op('/', A, B); (Op, A, B) -> Op('/', B, A) end}].

%% Tests in a row, which the compiler turns into a selection.
which(0) -> zero;
which(1) -> one;
which(576460752303423487) -> last;
which(-576460752303423488) -> first;
which(576460752303423488) -> big;
which(a) -> a;
which(true) -> true;
which([]) -> nil;
which({}) -> empty;
which({_}) -> one_tuple;
which({a, _}) -> tagged;
which({_, _, _}) -> triple;
which([_ | []]) -> single;
which([_ | _]) -> list;
which(<<>>) -> no_bits;
which(<<1, _/binary>>) -> begins;
which(#{a := _}) -> has_a;
which(M) when is_map(M) -> map;
which(F) when is_float(F), F < 0 -> negative;
which(F) when is_float(F) -> float;
which(_) -> other.
by_functions(T) ->
    E = fun(X) -> apply(erlang, '=:=', [T, X]) end,
    Is = fun(F) -> apply(erlang, F, [T]) end,
    Size = fun() -> apply(erlang, tuple_size, [T]) end,
    Tests = [{fun() -> E(0) end, zero}, {fun() -> E(1) end, one}, {fun() -> E(1 bsl 59 - 1) end, last}, {fun() -> E(-(1 bsl 59)) end, first},
             {fun() -> E(1 bsl 59) end, big}, {fun() -> E(a) end, a}, {fun() -> E(true) end, true}, {fun() -> E([]) end, nil},
             {fun() -> E({}) end, empty}, {fun() -> Is(is_tuple) andalso Size() =:= 1 end, one_tuple},
             {fun() -> Is(is_tuple) andalso Size() =:= 2 andalso apply(erlang, element, [1, T]) =:= a end, tagged},
             {fun() -> Is(is_tuple) andalso Size() =:= 3 end, triple}, {fun() -> Is(is_list) andalso apply(erlang, tl, [T]) =:= [] end, single},
             {fun() -> Is(is_list) end, list}, {fun() -> E(<<>>) end, no_bits},
             {fun() -> Is(is_binary) andalso apply(binary, first, [T]) =:= 1 end, begins},
             {fun() -> Is(is_map) andalso apply(maps, is_key, [a, T]) end, has_a}, {fun() -> Is(is_map) end, map},
             {fun() -> Is(is_float) andalso apply(erlang, '<', [T, 0]) end, negative}, {fun() -> Is(is_float) end, float}],
    first(Tests).
first([]) -> other;
first([{Test, Name} | Rest]) ->
    case Test() of
        true -> Name;
        false -> first(Rest)
    end.

edges() ->
    [0, 1, -1, 2, 10, 255, 256, -256, 1 bsl 31, 1 bsl 32 - 1, 1 bsl 58, 1 bsl 59 - 1, -(1 bsl 59), 1 bsl 59, -(1 bsl 59) - 1, 1 bsl 60,
     1 bsl 63 - 1, -(1 bsl 63), 1 bsl 63, 1 bsl 64 - 1, 1 bsl 64, -(1 bsl 64), 1 bsl 127, -(1 bsl 128) + 1, 1 bsl 1100,
     0.0, 1.0, -1.0, 0.5, -2.5, 1.0e15, 5.764607523034235e17, 9.007199254740993e15, 1.0e308, -1.0e308, 5.0e-324, 1.8446744073709552e19,
     a, b, '', true, false, undefined, [], "ab", [1 | 2], [[]], [a, 1.0, <<>>], {}, {a}, {a, 1}, {1, a, 2.0}, {1.0, a, 2}, #{}, #{a => 1},
     #{1 => a}, #{1.0 => a}, maps:from_list([{I, I} || I <- lists:seq(1, 40)]), <<>>, <<1, 2, 3>>, <<1, 2, 3:3>>, <<0:1>>,
     binary:copy(<<7>>, 100), fun lists:map/2, fun erlang:self/0].

%% Terms from a seed.
random(N, Seed) -> random(N, Seed, []).
random(0, _, Acc) -> Acc;
random(N, S, Acc) ->
    {T, S1} = term(S, 3),
    random(N - 1, S1, [T | Acc]).

next(S) -> (S * 6364136223846793005 + 1442695040888963407) band 16#ffffffffffffffff.
pick(S, N) -> (S bsr 33) rem N.

term(S0, Depth) ->
    S = next(S0),
    case pick(S, if Depth =:= 0 -> 8; true -> 13 end) of
        K when K < 4 -> number(S);
        4 -> {lists:nth(1 + pick(next(S), 6), [a, b, c, true, false, '']), next(S)};
        5 -> {[], S};
        6 -> S1 = next(S), {<<(S1 bsr 20):(pick(S1, 90))>>, S1};
        7 -> fraction(S);
        8 -> {L, S1} = terms(S, Depth), {L, S1};
        9 -> {L, S1} = terms(S, Depth), {list_to_tuple(L), S1};
        10 -> {L, S1} = terms(S, Depth), {maps:from_list(lists:zip(L, lists:seq(1, length(L)))), S1};
        11 -> {H, S1} = term(S, Depth - 1), {T, S2} = term(S1, Depth - 1), {[H | T], S2};
        12 -> S1 = next(S), {binary:copy(<<(S1 bsr 40)>>, pick(S1, 80)), S1}
    end.
terms(S0, Depth) ->
    S = next(S0),
    lists:mapfoldl(fun(_, S1) -> term(S1, Depth - 1) end, S, lists:seq(1, pick(S, 5))).
number(S0) ->
    S = next(S0),
    Bits = pick(S, 70),
    S1 = next(S),
    N = (S1 * 16#10001) band ((1 bsl Bits) - 1),
    {case S1 band (1 bsl 40) of 0 -> N; _ -> -N end, S1}.
fraction(S0) ->
    {N, S} = number(S0),
    {M, S1} = number(S),
    {N / (abs(M) + 1), S1}.
