%% erts_debug:flat_size/1 and size/1 of each kind of term; what term_type/1 calls them.
-module(term_sizes).
-export([main/0]).
id(X) -> X.
main() ->
    C = id(42), A = alias(), B = list_to_binary(lists:duplicate(100, 7)), <<_:3, Sub/bits>> = B, <<_:8, Sub2/bits>> = B, <<S3:10/binary, _/bits>> = B,
    M = id(#{"atom" => first, i => 0}), L = [a | id(b)],
    Ts = [[], (1 bsl 59) - 1, 1 bsl 59, -(1 bsl 59), -(1 bsl 59) - 1, 1 bsl 64, 1 bsl 62, 1.5, make_ref(), A, self(), fun lists:sort/1, fun() -> ok end, fun() -> C end, fun() -> {C, A} end,
        atomics:new(1, []), <<1, 2, 3>>, <<>>, <<1:64>>, <<0:512>>, <<0:(8 * 65)>>, <<5:7>>, <<0:641>>, Sub, Sub2, S3, #{a => 1}, #{a => 1, b => 2, c => 3}, #{}, {}, {[]}, [1, 2 | 3], [L | L],
        [M, M#{"atom" := other}, M#{i := 42}], [1 bsl 59, {1 bsl 60, 3}],
        binary_to_term(<<131, 88, 100, 0, 3, "a@b", 0, 0, 0, 17, 0, 0, 0, 4, 0, 0, 0, 9>>), binary_to_term(<<131, 89, 100, 0, 3, "a@b", 0, 0, 0, 17, 0, 0, 0, 9>>),
        binary_to_term(<<131, 90, 0, 3, 100, 0, 3, "a@b", 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3>>)],
    [{erts_debug:flat_size(T), erts_debug:size(T), erts_internal:term_type(T)} || T <- Ts].
