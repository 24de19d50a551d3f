%% Clause selection: dense and sparse integers, atoms, big ones, floats, arities, strings.
-module(lang_select).
-export([main/0]).
i(1) -> a; i(2) -> b; i(3) -> c; i(4) -> d; i(5) -> e; i(1000) -> f; i(-7) -> g; i(1 bsl 70) -> big; i(-(1 bsl 70)) -> nbig; i(1.0) -> fl; i(_) -> other.
j(X) -> case X of 10 -> t; 11 -> u; 12 -> v; 13 -> w; 14 -> x; 15 -> y; 16 -> z; 17 -> aa; 18 -> bb; 19 -> cc end.
a(red) -> 1; a(green) -> 2; a(blue) -> 3; a(true) -> 4; a(false) -> 5; a([]) -> 6; a("red") -> 7; a(<<"red">>) -> 8; a({red}) -> 9; a(_) -> 0.
t({}) -> 0; t({_}) -> 1; t({a, X}) -> X; t({b, X}) -> {X}; t({X, Y}) -> [X, Y]; t({_, _, Z}) -> Z; t(X) when tuple_size(X) > 5 -> large; t(_) -> none.
s("get" ++ R) -> {get, R}; s("put" ++ R) -> {put, R}; s([C | R]) when C >= $a, C =< $z -> {C, R}; s([]) -> e; s(_) -> no.
main() -> [[i(X) || X <- [1, 2, 3, 4, 5, 1000, -7, 1 bsl 70, -(1 bsl 70), 1.0, 6, 0, a]], [try j(X) catch error:{case_clause, Y} -> {no, Y} end || X <- lists:seq(9, 20)], [a(X) || X <- [red, green, blue, true, false, [], "red", <<"red">>, {red}, z]], [t(X) || X <- [{}, {1}, {a, 1}, {b, 2}, {c, 3}, {1, 2, 3}, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6}, x]], [s(X) || X <- ["getx", "put", "gex", "", "Zed", [300]]]].
