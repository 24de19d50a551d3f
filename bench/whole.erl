%% What a whole machine costs: memory of an idle one, bytes of each idle process. Called by name, not in the table of programs.
-module(whole).
-export([idle/0, processes/1]).

%% Kilobytes resident once everything has settled.
idle() ->
    timer:sleep(500),
    io:format("~w~n", [resident()]).

%% Bytes resident for each of N processes that wait in a receive.
processes(N) ->
    garbage_collect(),
    timer:sleep(200),
    Before = resident(),
    Parent = self(),
    Pids = start(N, Parent, []),
    [receive up -> ok end || _ <- Pids],
    garbage_collect(),
    timer:sleep(500),
    io:format("~w~n", [(resident() - Before) * 1024 / N]),
    hd(Pids) ! stop.

start(0, _, Pids) -> Pids;
start(N, Parent, Pids) ->
    start(N - 1, Parent, [spawn(fun() -> Parent ! up, receive stop -> ok end end) | Pids]).

resident() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    [Line] = [L || <<"VmRSS:", L/binary>> <- binary:split(Status, <<"\n">>, [global])],
    [Number | _] = string:lexemes(Line, " \tkB"),
    binary_to_integer(Number).
