%% Recursion: fib, tak, ackermann, hanoi, collatz.
-module(lang_fib).
-export([main/0]).
fib(N) when N < 2 -> N; fib(N) -> fib(N - 1) + fib(N - 2).
tak(X, Y, Z) when Y >= X -> Z; tak(X, Y, Z) -> tak(tak(X - 1, Y, Z), tak(Y - 1, Z, X), tak(Z - 1, X, Y)).
ack(0, N) -> N + 1; ack(M, 0) -> ack(M - 1, 1); ack(M, N) -> ack(M - 1, ack(M, N - 1)).
hanoi(0, _, _, _) -> 0; hanoi(N, A, B, C) -> hanoi(N - 1, A, C, B) + 1 + hanoi(N - 1, C, B, A).
collatz(1, S) -> S; collatz(N, S) when N band 1 =:= 0 -> collatz(N div 2, S + 1); collatz(N, S) -> collatz(3 * N + 1, S + 1).
main() -> [fib(20), tak(14, 8, 3), ack(2, 50), hanoi(12, a, b, c), lists:max([{collatz(N, 0), N} || N <- lists:seq(1, 2000)])].
