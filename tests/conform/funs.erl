%% Funs: environments, named funs, external ones, equality, fun_info, apply, errors of arity.
-module(funs).
-export([main/0, f/2, id/1]).
f(A, B) -> {A, B}.
mk(N) -> fun(X) -> X + N end.
t(F) -> try F() catch C:{R, _} -> {C, R}; C:R -> {C, R} end.
main() ->
    Add = mk(3), E = fun ?MODULE:f/2, L = fun f/2, Fac = fun F(0) -> 1; F(N) -> N * F(N - 1) end,
    [Add(4), E(1, 2), L(1, 2), Fac(20), apply(E, [a, b]), apply(?MODULE, f, [c, d]), ?MODULE:f(e, f), (fun lists:reverse/1)([1, 2]), mk(3) =:= mk(3), mk(3) =:= mk(4), mk(3) == mk(3), E =:= fun ?MODULE:f/2, fun a:b/1 =:= fun a:b/1,
     [erlang:fun_info(E, K) || K <- [module, name, arity, env, type]], [erlang:fun_info(Add, K) || K <- [module, arity, env, type]], is_function(E, 2), is_function(E, 3), is_function(Add, 1), fun a:b/1 < fun a:c/1,
     t(fun() -> Add() end), t(fun() -> (id(x))(1) end), t(fun() -> E(1) end), t(fun() -> apply(Add, [1 | 2]) end), t(fun() -> apply(nomod, nofun, []) end), t(fun() -> (fun nomod:x/0)() end), t(fun() -> apply(id({a, b}), [1]) end), io_lib:format("~p ~p", [E, fun erlang:'+'/2]),
     lists:foldl(fun(G, X) -> G(X) end, 1, [mk(I) || I <- lists:seq(1, 100)]), erlang:fun_to_list(fun x:y/3), [G(10) || G <- [fun erlang:abs/1, fun(X) -> -X end]]].
id(X) -> X.
