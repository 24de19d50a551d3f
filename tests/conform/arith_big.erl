%% Integers beyond a word: all operators, across the border to small ones and back.
-module(arith_big).
-export([main/0]).
main() ->
    B = 1 bsl 64, C = 123456789012345678901234567890,
    L = [B, -B, B - 1, C, -C, 576460752303423488, -576460752303423489, 18446744073709551615],
    [[X + Y || X <- L, Y <- L], [X - Y || X <- L, Y <- L], [X * Y || X <- L, Y <- L],
     [X div Y || X <- L, Y <- L], [X rem Y || X <- L, Y <- L],
     [X band Y || X <- L, Y <- L], [X bor Y || X <- L, Y <- L], [X bxor Y || X <- L, Y <- L],
     [bnot X || X <- L], [X bsl 65 || X <- L], [X bsr 65 || X <- L], [X bsr 1000 || X <- L],
     [-X || X <- L], [abs(X) || X <- L],
     (B * B) div B =:= B, B - B, B - (B - 5), [X div 7 || X <- L], [X rem -7 || X <- L], [7 div X || X <- L]].
