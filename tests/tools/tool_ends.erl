%% How a node is ended from outside: SIGTERM lets applications end in order; heart starts a command when the node is gone or hangs.
-module(tool_ends).
-export([main/0]).
main() ->
    tool_bench:in_folder("ends", fun(Dir) ->
        tool_bench:write(Dir, "drain.app", ["{application, drain, [{vsn, \"1\"}, {modules, [drain]}, {registered, []}, {applications, [kernel, stdlib]}, {mod, {drain, []}}]}."]),
        Source = tool_bench:write(Dir, "drain.erl", ["-module(drain).", "-behaviour(application).", "-export([start/2, prep_stop/1, stop/1, top/0, work/0]).",
            "start(_, _) -> {ok, proc_lib:spawn_link(?MODULE, top, [])}.", "prep_stop(S) -> say(prep_stop), S.", "stop(_) -> say(stop).",
            "top() -> process_flag(trap_exit, true), W = spawn_link(?MODULE, work, []), receive {'EXIT', _, shutdown} -> exit(W, shutdown), receive {'EXIT', W, _} -> exit(shutdown) end end.",
            "work() -> process_flag(trap_exit, true), say(working), receive {'EXIT', _, R} -> timer:sleep(300), say({drained, R}), exit(R) end.",
            "say(What) -> file:write_file(\"said\", io_lib:format(\"~p~n\", [What]), [append])."]),
        {ok, _} = compile:file(Source, [{outdir, Dir}]),
        {Status, Out} = tool_bench_run(Dir, "erl -noinput -pa . -eval 'ok = application:start(drain)' & P=$!; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do test -f said && break; sleep 0.3; done; kill -TERM $P; wait $P; echo \"status $?\""),
        {ok, Said} = file:read_file(filename:join(Dir, "said")),
        Ignored = tool_bench_run(Dir, "erl -noinput -eval 'os:set_signal(sigterm, ignore), file:write_file(\"up\", []), timer:sleep(3000), io:format(\"still here~n\"), halt(3).' & P=$!; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do test -f up && break; sleep 0.3; done; kill -TERM $P; wait $P; echo \"status $?\""),
        Heart = fun(How) ->
            file:delete(filename:join(Dir, "again")),
            tool_bench_run(Dir, "HEART_COMMAND='echo again >> again' HEART_BEAT_TIMEOUT=11 erl -heart -noinput -eval '" ++ How ++ "' > /dev/null 2>&1; echo \"status $?\"; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do test -f again && break; sleep 0.3; done; cat again 2>&1")
        end,
        [{term, Status, lists:member("status 0", Out), [L || L <- Out, string:find(L, "SIGTERM received") =/= nomatch], string:lexemes(binary_to_list(Said), "\n")}, {ignored, Ignored},
         {crash, Heart("erlang:halt(7, [{flush, false}])")}, {killed, Heart("os:cmd(\"kill -KILL \" ++ os:getpid())")}, {stopped, Heart("heart:set_cmd(\"echo other >> again\"), {ok, C} = heart:get_cmd(), heart:clear_cmd(), timer:sleep(300), C, halt(0)")}]
    end).
tool_bench_run(Dir, Command) ->
    P = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Command]}, {cd, Dir}, exit_status, stderr_to_stdout, binary]),
    collect(P, <<>>).
collect(P, B) ->
    receive
        {P, {data, D}} -> collect(P, <<B/binary, D/binary>>);
        {P, {exit_status, S}} -> {S, string:lexemes(binary_to_list(B), "\n")}
    end.
