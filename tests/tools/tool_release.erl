%% SASL's release handler: a release is made, started, upgraded while it runs, taken back; the process keeps its state.
-module(tool_release).
-export([main/0]).
main() ->
    tool_bench:in_folder("release", fun(Dir) ->
        [app(Dir, V) || V <- ["1.0", "2.0"]],
        [rel(Dir, V) || V <- ["1.0", "2.0"]],
        Path = fun(V) -> [{path, [filename:join([Dir, "counter-" ++ V, "ebin"])]}, silent] end,
        {ok, systools_make, []} = systools:make_script(filename:join(Dir, "demo-1.0"), [no_module_tests, local | Path("1.0")]),
        {ok, systools_make, []} = systools:make_script(filename:join(Dir, "demo-2.0"), [no_module_tests | Path("2.0")]),
        {ok, Relup, systools_relup, []} = systools:make_relup(filename:join(Dir, "demo-2.0"), [filename:join(Dir, "demo-1.0")], [filename:join(Dir, "demo-1.0")],
            [{path, [filename:join([Dir, "counter-" ++ V, "ebin"]) || V <- ["2.0", "1.0"]]}, silent, {outdir, Dir}]),
        {ok, systools_make, []} = systools:make_tar(filename:join(Dir, "demo-2.0"), Path("2.0")),
        {ok, Packed} = erl_tar:table(filename:join(Dir, "demo-2.0.tar.gz"), [compressed]),
        Target = filename:join(Dir, "target"),
        Releases = filename:join(Target, "releases"),
        [begin
             ok = filelib:ensure_dir(filename:join([Releases, V, "x"])),
             {ok, _} = file:copy(filename:join(Dir, "demo-" ++ V ++ ".boot"), filename:join([Releases, V, "start.boot"])),
             V =:= "2.0" andalso file:copy(filename:join(Dir, "relup"), filename:join([Releases, V, "relup"])),
             ok = file:write_file(filename:join([Releases, V, "sys.config"]), "[].")
         end || V <- ["1.0", "2.0"]],
        {ok, Peer, _} = peer:start(#{connection => standard_io, args => ["-boot", filename:join([Releases, "1.0", "start"]), "-config", filename:join([Releases, "1.0", "sys"]), "-sasl", "releases_dir", "\"" ++ Releases ++ "\"", "-sasl", "sasl_error_logger", "false"]}),
        Do = fun(M, F, A) -> peer:call(Peer, M, F, A, 60000) end,
        ok = Do(logger, set_primary_config, [level, none]),
        ok = Do(release_handler, create_RELEASES, [Dir, Releases, filename:join(Dir, "demo-1.0.rel"), [{counter, "1.0", Dir}]]),
        Shown = fun() -> {[{N, V, S} || {N, V, _, S} <- Do(release_handler, which_releases, [])], Do(counter, next, []), [V || {counter, _, V} <- Do(application, which_applications, [])]} end,
        One = [Shown(), Shown()],
        Unpacked = Do(release_handler, set_unpacked, [filename:join(Dir, "demo-2.0.rel"), [{counter, "2.0", Dir}]]),
        Checked = Do(release_handler, check_install_release, ["2.0"]),
        Installed = Do(release_handler, install_release, ["2.0"]),
        Two = [Shown(), Shown()],
        Permanent = Do(release_handler, make_permanent, ["2.0"]),
        Three = Shown(),
        Back = Do(release_handler, install_release, ["1.0"]),
        Four = [Shown(), Shown()],
        ok = peer:stop(Peer),
        [strip(Relup), length(Packed) > 10, lists:member("lib/counter-2.0/ebin/counter.beam", Packed), One, Unpacked, element(1, Checked), Installed, Two, Permanent, Three, Back, Four]
    end).
strip({V, Up, Down}) -> {V, [{X, [case I of {load_object_code, _} -> load_object_code; _ -> I end || I <- Is]} || {X, _, Is} <- Up], [X || {X, _, _} <- Down]}.
app(Dir, V) ->
    Ebin = filename:join([Dir, "counter-" ++ V, "ebin"]),
    Step = case V of "1.0" -> "1"; _ -> "10" end,
    File = tool_bench:write(Dir, "counter-" ++ V ++ "/src/counter.erl", ["-module(counter).", "-behaviour(gen_server).", "-vsn(\"" ++ V ++ "\").", "-export([start_link/0, init/1, handle_call/3, handle_cast/2, code_change/3, next/0, start/2, stop/1]).",
        "start(_, _) -> counter_sup:start_link().", "stop(_) -> ok.", "start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).", "next() -> gen_server:call(?MODULE, next).", "init([]) -> {ok, 0}.",
        "handle_call(next, _, N) -> {reply, {" ++ V ++ ", N + " ++ Step ++ "}, N + " ++ Step ++ "}.", "handle_cast(_, S) -> {noreply, S}.", "code_change({down, _}, N, _) -> {ok, -N};", "code_change(_, N, [extra]) -> {ok, N * 100}."]),
    Sup = tool_bench:write(Dir, "counter-" ++ V ++ "/src/counter_sup.erl", ["-module(counter_sup).", "-behaviour(supervisor).", "-export([start_link/0, init/1]).",
        "start_link() -> supervisor:start_link({local, ?MODULE}, ?MODULE, []).", "init([]) -> {ok, {#{}, [#{id => counter, start => {counter, start_link, []}, modules => [counter]}]}}."]),
    ok = filelib:ensure_dir(filename:join(Ebin, "x")),
    [{ok, _} = compile:file(F, [{outdir, Ebin}]) || F <- [File, Sup]],
    tool_bench:write(Dir, "counter-" ++ V ++ "/ebin/counter.app", [io_lib:format("~p.", [{application, counter, [{description, "counts"}, {vsn, V}, {modules, [counter, counter_sup]}, {registered, [counter]}, {applications, [kernel, stdlib, sasl]}, {mod, {counter, []}}]}])]),
    V =:= "2.0" andalso tool_bench:write(Dir, "counter-2.0/ebin/counter.appup", [io_lib:format("~p.", [{"2.0", [{"1.0", [{update, counter, {advanced, [extra]}}]}], [{"1.0", [{update, counter, {advanced, [extra]}}]}]}])]).
rel(Dir, V) ->
    _ = application:load(sasl),
    Version = fun(A) -> {ok, X} = application:get_key(A, vsn), X end,
    tool_bench:write(Dir, "demo-" ++ V ++ ".rel", [io_lib:format("~p.", [{release, {"demo", V}, {erts, erlang:system_info(version)}, [{A, Version(A)} || A <- [kernel, stdlib, sasl]] ++ [{counter, V}]}])]).
