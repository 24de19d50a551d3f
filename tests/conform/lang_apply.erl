%% Calls of every form: local, remote, by variable, apply with lists, funs of funs, tail and body position.
-module(lang_apply).
-export([main/0, a/0, a/1, a/2, id/1]).
id(X) -> X.
a() -> zero.
a(X) -> {one, X}.
a(X, Y) -> {two, X, Y}.
tail(M, F, A) -> apply(M, F, A).
body(M, F, A) -> {apply(M, F, A)}.
comp(F, G) -> fun(X) -> F(G(X)) end.
curry(F) -> fun(X) -> fun(Y) -> F(X, Y) end end.
main() -> M = id(?MODULE), F = id(a), E = id(erlang), [a(), M:a(), M:F(), M:F(1), ?MODULE:F(1, 2), apply(M, F, [3]), apply(fun a/1, [4]), tail(M, F, [5, 6]), body(M, F, []), tail(E, abs, [-7]), body(E, abs, [-8]), E:abs(-9), tail(lists, reverse, [[1, 2]]), tail(erlang, apply, [M, a, [x]]), body(erlang, apply, [fun a/1, [y]]), (comp(fun(X) -> X * 2 end, fun(X) -> X + 1 end))(5), ((curry(fun a/2))(1))(2), lists:map(curry(fun erlang:'+'/2), [1])  =/= [], [G(3) || G <- [fun M:F/1, fun ?MODULE:a/1, fun a/1]], erlang:apply(erlang, apply, [erlang, apply, [M, a, []]]), begin X = fun Loop(0, A) -> A; Loop(N, A) -> Loop(N - 1, A + N) end, X(100000, 0) end, M:module_info(module), (id(erlang)):(id(length))([1, 2]), apply(erlang, self, []) =:= self(), tail(erlang, '+', [1, 2]), tail(erlang, 'not', [true])].
