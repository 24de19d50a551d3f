%% What observer, etop and system_information ask a node; microstate accounting; instrument.
-module(tool_observer).
-export([main/0]).
main() ->
    tool_bench:in_folder("observer", fun(_) ->
        register(observed, spawn(fun() -> receive stop -> ok end end)),
        T = ets:new(observed_table, [public, named_table]),
        ets:insert(T, [{I, I} || I <- lists:seq(1, 10)]),
        Sys = observer_backend:sys_info(),
        Procs = fun() -> observer_backend:procs_info(self()), collect([]) end(),
        Tables = observer_backend:get_table_list(ets, [{sys_hidden, true}, {unread_hidden, true}]),
        Table = [lists:sort(proplists:get_keys(L)) || L <- Tables, proplists:get_value(name, L) =:= observed_table],
        {Ports, Sockets} = {observer_backend:get_port_list(), length(observer_backend:get_socket_list()) >= 0},
        Etop = tool_bench:output(fun() -> spawn(fun() -> timer:sleep(2500), etop:stop() end), etop:start([{output, text}, {interval, 1}, {lines, 5}, {sort, memory}]) end),
        Report = system_information:report(),
        ok = system_information:to_file("si"),
        msacc:start(200),
        Stats = msacc:stats(),
        Msacc = tool_bench:output(fun() -> msacc:print() end),
        observed ! stop,
        ets:delete(T),
        [lists:sort([K || {K, _} <- Sys]), length(Procs) > 20, lists:member(true, [is_integer(M) andalso M > 0 || {memory, M} <- lists:append([P || P <- Procs, is_list(P)])]) orelse tuple_size(hd(Procs)), Table,
         lists:all(fun is_list/1, Ports), Sockets, [W || W <- ["Load:", "procs", "runq", "Memory:", "binary", "Pid", "Reds", "MsgQ", "erl_prim_loader"], string:find(Etop, W) =/= nomatch],
         lists:sort([K || {K, _} <- Report]), filelib:file_size("si") > 10000, system_information:sanity_check(),
         lists:usort([Ty || #{type := Ty} <- Stats, lists:member(Ty, [scheduler, dirty_cpu_scheduler, dirty_io_scheduler])]), lists:usort(lists:append([maps:keys(C) || #{counters := C} <- Stats])), [W || W <- ["Average thread real-time", "scheduler", "emulator", "sleep", "Thread"], string:find(Msacc, W) =/= nomatch],
         [case I of {ok, X} when is_tuple(X) -> told; {error, not_enabled} -> told end || I <- [instrument:allocations(), instrument:carriers()]]]
    end).
collect(L) -> receive {procs_info, _, I} -> collect(I ++ L); {procs_info_end, _} -> L; M -> [M] after 2000 -> L end.
