%% OTP's tools that trace: cprof, dbg (a process, a file), eprof, fprof (25 only) (timing).
-module(trace_tools).
-export([main/0, f/1, g/1, work/1]).

f(0) -> [];
f(N) -> [g(N) | f(N - 1)].
g(N) -> N * N.
work(N) -> f(N), ok.

all() -> receive {got, M} -> [M | all()] after 200 -> [] end.

cprof() ->
    cprof:start(?MODULE),
    work(10),
    cprof:pause(),
    {?MODULE, N, L} = cprof:analyse(?MODULE),
    cprof:stop(),
    {N, lists:sort(L)}.

dbg_process() ->
    Me = self(),
    {ok, _} = dbg:tracer(process, {fun(M, _) -> Me ! {got, erlang:delete_element(2, M)}, ok end, ok}),
    {ok, _} = dbg:tpl(?MODULE, f, x),
    {ok, _} = dbg:tpl(?MODULE, g, cx),
    {ok, _} = dbg:p(Me, [c]),
    work(2),
    Got = all(),
    dbg:stop_clear(),
    Got.

dbg_file(Name) ->
    Me = self(),
    {ok, _} = dbg:tracer(port, dbg:trace_port(file, Name)),
    {ok, _} = dbg:tp(?MODULE, work, []),
    {ok, _} = dbg:p(Me, [c, timestamp]),
    ?MODULE:work(1),
    ok = dbg:flush_trace_port(),
    dbg:stop_clear(),
    dbg:trace_client(file, Name, {fun(end_of_trace, _) -> Me ! {got, end_of_trace}; (M, _) -> Me ! {got, {element(1, M), element(4, M)}}, ok end, ok}),
    all().

eprof(Name) ->
    {ok, _} = eprof:start(),
    profiling = eprof:start_profiling([self()]),
    work(10),
    profiling_stopped = eprof:stop_profiling(),
    eprof:log(Name),
    eprof:analyze(total, [{filter, [{calls, 1}]}]),
    stopped = eprof:stop(),
    {ok, Text} = file:read_file(Name),
    Words = [string:lexemes(L, " ") || L <- string:split(binary_to_list(Text), "\n", all)],
    lists:sort([{What, Calls} || ["trace_tools:" ++ What, Calls | _] <- Words]).

fprof(Trace, Out) ->
    ok = fprof:apply(fun() -> work(3) end, [], [{file, Trace}]),
    fprof:profile([{file, Trace}]),
    fprof:analyse([{dest, Out}, {totals, true}]),
    fprof:stop(),
    {ok, Terms} = file:consult(Out),
    lists:usort([{F, N} || {Callers, {{?MODULE, F, _} = _, N, _, _}, Called} <- Terms, is_list(Callers), is_list(Called)]).

main() ->
    Dir = filename:basedir(user_cache, "trace_tools" ++ os:getpid()),
    ok = filelib:ensure_dir(Dir ++ "/x"),
    GL = group_leader(),
    Quiet = spawn(fun F() -> receive {io_request, From, R, _} -> From ! {io_reply, R, ok}, F() end end),
    group_leader(Quiet, self()),
    R = [{cprof, cprof()}, {dbg, dbg_process()}, {file, dbg_file(Dir ++ "/dbg")}, {eprof, eprof(Dir ++ "/eprof")}, {fprof, catch fprof(Dir ++ "/fp", Dir ++ "/fpa")}],
    group_leader(GL, self()),
    file:del_dir_r(Dir),
    R.
