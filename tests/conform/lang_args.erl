%% Functions of many arguments, deep frames of many variables, swapping tail calls, mutual recursion.
-module(lang_args).
-export([main/0]).
f(A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z, A2, B2, C2, D2, E2, F2, G2, H2, I2, J2, K2, L2, M2, N2) -> [N2, M2, L2, K2, J2, I2, H2, G2, F2, E2, D2, C2, B2, A2, Z, Y, X, W, V, U, T, S, R, Q, P, O, N, M, L, K, J, I, H, G, F, E, D, C, B, A].
rot(0, A, B, C, D) -> {A, B, C, D}; rot(N, A, B, C, D) -> rot(N - 1, B, C, D, A).
even(0) -> true; even(N) -> odd(N - 1).
odd(0) -> false; odd(N) -> even(N - 1).
g(X) -> X.
many() ->
    A = g(1), B = g(2), C = g(3), D = g(4), E = g(5), F = g(6), G = g(7), H = g(8), I = g(9), J = g(10), K = g(11), L = g(12), M = g(13), N = g(14), O = g(15), P = g(16), Q = g(17), R = g(18), S = g(19), T = g(20),
    g(x), [A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, g(A + T), g(B * S)].
main() -> [f(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40), rot(10, a, b, c, d), even(100001), odd(77777), many(), apply(fun lists:append/1, [[[1], [2]]])].
