%% Float arithmetic in loops: mandelbrot, nbody steps, sums in both orders, mixed with integers.
-module(lang_floats).
-export([main/0]).
mandel(Cr, Ci) -> mandel(0.0, 0.0, Cr, Ci, 0).
mandel(_, _, _, _, 50) -> 50; mandel(R, I, Cr, Ci, N) -> R2 = R * R, I2 = I * I, if R2 + I2 > 4.0 -> N; true -> mandel(R2 - I2 + Cr, 2.0 * R * I + Ci, Cr, Ci, N + 1) end.
euler(0, X, V) -> {X, V}; euler(N, X, V) -> A = -X / math:pow(abs(X) + 1.0, 2), euler(N - 1, X + V * 0.01, V + A * 0.01).
id(X) -> X.
main() -> [[mandel(-2.0 + X * 0.25, Y * 0.25) || Y <- [-4, -2, 0, 2, 4], X <- lists:seq(0, 10)], euler(1000, 1.0, 0.0), lists:sum([1 / N || N <- lists:seq(1, 10000)]), lists:sum([1 / N || N <- lists:seq(10000, 1, -1)]), id(1) + 2.0 * 3 - 4 / id(2), id(0.1) + id(0.2), 1.0e308 + id(1.0e307), -id(0.0), 0.0 * -1, id(5.0) - id(5), 3.0 == id(3), math:sqrt(id(2)) * math:sqrt(2), (1 bsl 70) * id(1.5), 1.5 - (1 bsl id(70)), id(7) / 2, float(id(3)), abs(id(-2.5)), max(1, id(1.0)), min(id(1.0), 1), trunc(1.0e15 / id(3))].
