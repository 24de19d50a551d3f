%% What arithmetic raises.
-module(arith_errors).
-export([main/0, id/1]).
t(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.
main() ->
    [t(fun() -> 1 div id(0) end), t(fun() -> 1 rem id(0) end), t(fun() -> 1 / id(0) end), t(fun() -> 1 / id(0.0) end),
     t(fun() -> id(a) + 1 end), t(fun() -> 1 - id("x") end), t(fun() -> id(1.5) div 2 end), t(fun() -> id(1.5) band 2 end),
     t(fun() -> -id(a) end), t(fun() -> bnot id(1.0) end), t(fun() -> 1 bsl id(a) end), t(fun() -> abs(id(a)) end),
     t(fun() -> 1.0e308 * id(10) end), t(fun() -> id(-1.0e308) * 10 end), t(fun() -> float(id(1 bsl 2000)) end),
     t(fun() -> id(1 bsl 2000) / 3 end), t(fun() -> 1 bsl id(1 bsl 70) end), t(fun() -> 0 bsl id(1 bsl 70) end), t(fun() -> 5 bsr id(1 bsl 70) end),
     t(fun() -> trunc(id(a)) end), t(fun() -> round(id([])) end), t(fun() -> id(1) + id(<<>>) end), t(fun() -> math:sqrt(id(-1)) end),
     t(fun() -> math:log(id(0)) end), t(fun() -> math:exp(id(1000)) end), t(fun() -> math:pow(id(a), 2) end), t(fun() -> list_to_integer("12x") end)].
