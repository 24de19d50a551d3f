%% Cover: which lines and functions ran, how often; data written out and read in again.
-module(tool_cover).
-export([main/0]).
main() ->
    tool_bench:in_folder("cover", fun(Dir) ->
        Beam = tool_bench:compile(Dir, covered, ["-module(covered).", "-export([f/1, g/1, h/1]).", "f(0) -> none;", "f(N) when N > 5 ->", "  big;", "f(N) ->", "  X = g(N),", "  X.", "g(X) ->", "  [Y * 2 ||", "    Y <- lists:seq(1, X)].",
            "h(X) ->", "  try", "    f(X)", "  catch", "    _:_ ->", "      wrong", "  end."], []),
        {ok, covered} = cover:compile_beam(Beam),
        [covered:f(N) || N <- [0, 1, 2, 7]],
        covered:h(x),
        One = [cover:analyse(covered, C, L) || C <- [coverage, calls], L <- [module, function, clause, line]],
        ok = cover:export("data"),
        {ok, _} = cover:analyse_to_file(covered, "out.txt", []),
        {ok, Text} = file:read_file("out.txt"),
        ok = cover:reset(covered),
        None = cover:analyse(covered, coverage, module),
        ok = cover:import("data"),
        All = cover:analyse(covered, calls, function),
        Html = cover:analyse_to_file(covered, "out.html", [html]),
        cover:stop(),
        [One, [string:trim(L, trailing) || L <- string:split(binary_to_list(Text), "\n", all), not lists:prefix("File generated", L)], None, All, Html, code:which(covered) =:= Beam]
    end).
