%% and, or, xor, not, andalso, orelse, their errors, short cuts.
-module(lang_bool).
-export([main/0, id/1]).
id(X) -> X.
t(F) -> try F() catch C:R -> {C, R} end.
main() ->
    B = [true, false], [[{X and Y, X or Y, X xor Y, not X, X andalso Y, X orelse Y} || X <- B, Y <- B], t(fun() -> id(true) andalso value end), t(fun() -> id(false) orelse value end), t(fun() -> id(1) andalso true end), t(fun() -> id(x) orelse true end), t(fun() -> id(x) and true end), t(fun() -> true or id(1) end), t(fun() -> not id(1) end), id(false) andalso error(never), id(true) orelse error(never), t(fun() -> id(false) and error(evaluated) end), t(fun() -> [X || X <- [true, false, true], X] end), t(fun() -> [X || X <- [1], X] end), case id(3) of X when X > 1, X < 5; X =:= 9 -> in; _ -> out end].
