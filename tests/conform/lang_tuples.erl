%% Tuples: making, taking apart, changing, large ones.
-module(lang_tuples).
-export([main/0, id/1]).
id(X) -> X.
t(F) -> try F() catch C:R -> {C, R} end.
main() ->
    T = list_to_tuple(lists:seq(1, 1000)), U = lists:foldl(fun(I, A) -> setelement(I, A, -I) end, T, [1, 500, 1000]),
    [element(500, T), tuple_size(T), [element(I, U) || I <- [1, 2, 500, 999, 1000]], lists:sum(tuple_to_list(U)), erlang:make_tuple(3, x), erlang:make_tuple(4, x, [{2, y}, {4, z}, {2, w}]), erlang:append_element({a}, b), erlang:insert_element(2, {a, c}, b), erlang:delete_element(1, {a, b}), erlang:tuple_to_list({}), setelement(1, {a}, b), begin {X, {Y, _}} = id({1, {2, 3}}), X + Y end, t(fun() -> element(0, id({a})) end), t(fun() -> element(2, id({a})) end), t(fun() -> element(a, id({a})) end), t(fun() -> setelement(3, id({a}), x) end), t(fun() -> erlang:make_tuple(-1, x) end), t(fun() -> {_, _} = id({1}) end), t(fun() -> tuple_size(id(x)) end), {1, a} < {1, b}, {2} < {1, 1}].
