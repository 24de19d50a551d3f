%% statistics(runtime) counts the time that threads spend in the program, not what the system does for them. (timing)
-module(runtime_user).
-export([main/0]).

main() ->
    Calls = fun Loop(0) -> ok; Loop(N) -> {ok, _} = file:read_file_info("/etc/passwd", [raw]), Loop(N - 1) end,
    {{R0, _}, {U0, S0}} = {statistics(runtime), ticks()},
    Calls(100000),
    {{R1, _}, {U1, S1}} = {statistics(runtime), ticks()},
    {abs(R1 - R0 - (U1 - U0)) =< 30, S1 - S0 >= 40}.

%% Milliseconds of the process by the system's count: in the program, in the system.
ticks() ->
    {ok, Text} = file:read_file("/proc/self/stat"),
    [_, Rest] = binary:split(Text, <<") ">>),
    Fields = binary:split(Rest, <<" ">>, [global]),
    [U, S] = [binary_to_integer(lists:nth(N, Fields)) * 10 || N <- [12, 13]],
    {U, S}.
