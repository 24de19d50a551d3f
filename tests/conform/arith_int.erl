%% Integer operators: signs of div and rem, shifts, bit operators, unary minus.
-module(arith_int).
-export([main/0]).
main() ->
    L = [7, -7, 0, 1, 3, -3],
    [[{A div B, A rem B} || A <- L, B <- L, B =/= 0],
     [A bsl 3 || A <- L], [A bsr 1 || A <- L], [A bsl -1 || A <- L],
     [A band 5 || A <- L], [A bor 5 || A <- L], [A bxor 5 || A <- L], [bnot A || A <- L],
     [-A || A <- L], [+A || A <- L], [abs(A) || A <- L],
     (1 bsl 59) - 1, 1 bsl 59, -(1 bsl 59), -(1 bsl 59) - 1, 1 bsl 60, 1 bsl 62, 1 bsl 63, 1 bsl 64].
