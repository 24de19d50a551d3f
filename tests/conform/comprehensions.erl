%% List and binary comprehensions: several generators, filters that fail, nested ones.
-module(comprehensions).
-export([main/0]).
t(F) -> try F() catch C:R -> {C, R} end.
main() ->
    [[{X, Y} || X <- [1, 2, 3], Y <- [a, b], X > 1], [X || {ok, X} <- [{ok, 1}, error, {ok, 2}]], [X || X <- [1, a, 2.0, "s"], is_number(X), X > 1],
     [[Y || Y <- lists:seq(1, X)] || X <- [1, 2, 3]], << <<X, Y>> || X <- "ab", <<Y>> <= <<1, 2>> >>, [X || X <- [], X > 0], [X || <<X:2>> <= <<228>>],
     t(fun() -> [X || X <- element(1, {not_list})] end), t(fun() -> [X || X <- [1, 2 | element(1, {tail})]] end), t(fun() -> [X || X <- [1], element(1, {maybe_})] end), t(fun() -> [X || <<X>> <= element(1, {[1]})] end),
     [X || X <- [1, 2, 3, 4], hd([X]) rem 2 =:= 0], [catch_me || (catch error(x)) =:= never], [begin Y = X * 2, Y end || X <- [1, 2]],
     [{A, B, C} || C <- lists:seq(1, 20), B <- lists:seq(1, C), A <- lists:seq(1, B), A * A + B * B =:= C * C]].
