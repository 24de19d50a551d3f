%% Scopes: variables in cases, funs and comprehensions, unsafe ones rebound, patterns with bound variables.
-module(lang_shadow).
-export([main/0, id/1]).
id(X) -> X.
main() -> X = 1, Y = case id(2) of 1 -> Z = a, Z; 2 -> Z = b, Z end, F = fun(X) -> X + 1 end, G = fun(_) -> X end, A = [X || X <- [5, 6]], B = case id({1, 2}) of {X, W} -> {bound, W}; _ -> no end, C = case id({9, 2}) of {X, _} -> yes; _ -> no end, D = if X =:= 1 -> V = one, V; true -> V = two, V end, E = try H = id(3), H * 2 catch _:_ -> 0 end, I = begin J = X + 1, J * J end, K = (fun() -> J2 = J * 2, fun() -> J2 + X end end)(), L = [M || {X2, M} <- [{1, a}, {2, b}, {1, c}], X2 =:= X], N = fun({X3, X3}) -> same; (_) -> differ end, _ = O = id(7), <<P, P:8>> = id(<<4, 4>>), #{k := Q, l := Q} = id(#{k => v, l => v}), [X, Y, Z, F(10), G(10), A, B, C, D, V, E, I, K(), L, N({1, 1}), N({1, 2}), O, P, Q, (catch begin {R, R} = id({1, 2}), R end) =/= ok].
