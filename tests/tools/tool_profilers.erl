%% Eprof, fprof and cprof count the calls of a program.
-module(tool_profilers).
-export([main/0, f/1, g/1]).
f(0) -> [];
f(N) -> [g(N) | f(N - 1)].
g(N) -> lists:sum(lists:seq(1, N)).
main() ->
    tool_bench:in_folder("profilers", fun(_) -> tool_bench:quietly(fun run/0) end).
run() ->
    cprof:start(),
    f(20),
    cprof:pause(),
    {?MODULE, N, Counts} = cprof:analyse(?MODULE),
    cprof:stop(),
    eprof:start(),
    {ok, _} = eprof:profile(fun() -> f(20) end),
    ok = eprof:log("eprof.txt"),
    eprof:analyze(total, [{sort, mfa}]),
    eprof:stop(),
    {ok, Text} = file:read_file("eprof.txt"),
    Eprof = [{What, Calls} || ["tool_profilers:" ++ What, Calls | _] <- tool_bench:words(binary_to_list(Text))],
    fprof:apply(fun() -> f(20) end, []),
    ok = fprof:profile(),
    ok = fprof:analyse([{dest, "fprof.txt"}, {totals, true}, {callers, true}]),
    fprof:stop(),
    {ok, Terms} = file:consult("fprof.txt"),
    Fprof = lists:usort([{F, A, Calls, lists:sort([{M1, F1, A1, C1} || {{M1, F1, A1}, C1, _, _} <- Called])} || {_, {{?MODULE, F, A}, Calls, _, _}, Called} <- Terms, F =:= f orelse F =:= g]),
    [N, lists:sort(Counts), lists:sort(Eprof), Fprof].
