%% A release as rebar3 makes it: its script starts a node in the background, asks it, upgrades it while it runs, takes that back, stops it.
-module(tool_rebar3).
-export([main/0]).
main() ->
    tool_bench:in_folder("rebar3", fun(Dir) ->
        Home = [{"HOME", Dir}, {"REBAR_OFFLINE", "1"}],
        Do = fun(Command) -> string:trim(run(Dir, Home, Command)) end,
        App = fun(V, Step, Change) ->
            tool_bench:write(Dir, "rebar.config", ["{relx, [{release, {step, \"" ++ V ++ "\"}, [step, sasl]}, {include_erts, true}, {dev_mode, false}]}."]),
            tool_bench:write(Dir, "src/step.app.src", ["{application, step, [{vsn, \"" ++ V ++ "\"}, {registered, [step]}, {applications, [kernel, stdlib]}, {mod, {step_app, []}}]}."]),
            tool_bench:write(Dir, "src/step_app.erl", ["-module(step_app).", "-behaviour(application).", "-behaviour(supervisor).", "-export([start/2, stop/1, init/1]).",
                "start(_, _) -> supervisor:start_link(?MODULE, []).", "stop(_) -> ok.", "init(_) -> {ok, {#{}, [#{id => step, start => {step, start_link, []}}]}}."]),
            tool_bench:write(Dir, "src/step.erl", ["-module(step).", "-behaviour(gen_server).", "-export([start_link/0, init/1, handle_call/3, handle_cast/2, code_change/3, next/0]).",
                "start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).", "next() -> gen_server:call(?MODULE, next).", "init([]) -> {ok, 0}.",
                "handle_call(next, _, N) -> {reply, {\"" ++ V ++ "\", N + " ++ Step ++ "}, N + " ++ Step ++ "}.", "handle_cast(_, S) -> {noreply, S}.", "code_change(_, S, _) -> {ok, " ++ Change ++ "}."])
        end,
        App("1.0.0", "1", "S"),
        true = lists:suffix("successfully created: _build/default/rel/step/step-1.0.0.tar.gz", plain(Do("rebar3 tar"))) orelse missing,
        Do("mkdir target && tar -xzf _build/default/rel/step/step-1.0.0.tar.gz -C target"),
        App("2.0.0", "10", "S * 100"),
        Do("rebar3 compile"),
        tool_bench:write(Dir, "_build/default/lib/step/ebin/step.appup", ["{\"2.0.0\", [{\"1.0.0\", [{update, step, {advanced, []}}]}], [{\"1.0.0\", [{update, step, {advanced, []}}]}]}."]),
        Do("rebar3 release"),
        Relup = lists:suffix("relup successfully created!", plain(Do("rebar3 relup -n step -v 2.0.0 -u 1.0.0"))),
        Do("rebar3 tar -n step -v 2.0.0 && cp _build/default/rel/step/step-2.0.0.tar.gz target/releases/"),
        Script = fun(Args) -> Do("target/bin/step " ++ Args ++ " 2>&1") end,
        Script("daemon"),
        Up = Do("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do target/bin/step ping && break; sleep 1; done 2>/dev/null | grep pong"),
        Next = fun() -> Script("eval 'step:next().'") end,
        One = [Next(), Next(), Script("rpc erlang abs '[-3]'")],
        Upgraded = lines(Script("upgrade 2.0.0")),
        Two = [Next(), lines(Script("versions"))],
        Back = lines(Script("downgrade 1.0.0")),
        Three = [Next(), Script("stop"), Do("sleep 1; target/bin/step ping")],
        [Relup, Up, One, Upgraded, Two, Back, Three]
    end).
lines(Text) -> [L || L <- string:lexemes(Text, "\n")].
plain(Text) -> string:trim(re:replace(Text, "\e\\[[0-9;]*m", "", [global, {return, list}])).
run(Dir, Env, Command) ->
    P = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Command]}, {cd, Dir}, {env, Env}, exit_status, stderr_to_stdout, binary]),
    collect(P, <<>>).
collect(P, B) ->
    receive
        {P, {data, D}} -> collect(P, <<B/binary, D/binary>>);
        {P, {exit_status, _}} -> binary_to_list(B)
    end.
