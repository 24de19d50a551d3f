%% process_info: items that do not depend on sizes, for oneself, for others, for the dead.
-module(process_info).
-export([main/0, wait/0]).
wait() -> receive stop -> ok end.
main() ->
    P = spawn(?MODULE, wait, []), register(pinfo, P), L = spawn_link(?MODULE, wait, []), {Q, _} = spawn_opt(?MODULE, wait, [], [monitor, {priority, high}, {fullsweep_after, 7}, {min_heap_size, 500}, {message_queue_data, off_heap}, {max_heap_size, #{size => 1000000, kill => false, error_logger => false}}]),
    timer:sleep(10), P ! one, P ! {two}, put(k, v), Items = [current_function, initial_call, registered_name, status, messages, message_queue_len, links, trap_exit, dictionary, priority, monitors, error_handler, catchlevel, suspending, message_queue_data, fullsweep_after],
    N = fun(X) when X =:= L -> linked; (X) -> X end,
    A = [process_info(P, I) || I <- Items -- [fullsweep_after]], B = process_info(P, []), C = process_info(P, [status, message_queue_len, registered_name]),
    D = [process_info(Q, I) || I <- [priority, fullsweep_after, message_queue_data, max_heap_size, registered_name]], {min_heap_size, E} = lists:keyfind(min_heap_size, 1, element(2, process_info(Q, garbage_collection))),
    {links, Ls} = process_info(self(), links), F = [N(X) || X <- Ls, X =:= L], {monitors, G} = process_info(self(), monitors), {monitored_by, H} = process_info(Q, monitored_by), {dictionary, Dict} = process_info(self(), dictionary), I = [KV || {k, _} = KV <- Dict],
    J = [is_integer(element(2, process_info(P, X))) || X <- [heap_size, stack_size, total_heap_size, memory, reductions]], K = [{X, is_list(element(2, process_info(P, X)))} || X <- [binary, garbage_collection, current_stacktrace]],
    {current_stacktrace, [{M1, F1, A1, _} | _]} = process_info(P, current_stacktrace), {current_location, {M2, F2, A2, Loc}} = process_info(P, current_location),
    unlink(L), [exit(X, kill) || X <- [P, L, Q]], R = monitor(process, P), receive {'DOWN', R, _, _, _} -> ok end,
    [A, B, C, D, E >= 500, F, G =:= [{process, Q}], H =:= [self()], I, J, K, {M1, F1, A1}, {M2, F2, A2, proplists:get_value(line, Loc)}, process_info(P, status), process_info(P), [try process_info(X, Y) catch Cl:Re -> {Cl, Re} end || {X, Y} <- [{self(), bad}, {x, status}, {self(), [status, bad]}]], element(2, process_info(self(), group_leader)) =:= group_leader(), process_info(self(), trap_exit), process_info(self(), status), is_process_alive(P)].
