%% process_flag, dictionary, group leader, spawn_opt, suspend and resume, max_heap_size that kills, hibernate.
-module(process_flags).
-export([main/0]).
t(F) -> try F() catch C:R -> {C, R} end.
main() ->
    S = self(), spawn(fun() -> S ! {flags, [process_flag(trap_exit, true), process_flag(trap_exit, false), process_flag(priority, high), process_flag(priority, normal), process_flag(min_heap_size, 1000), process_flag(fullsweep_after, 10), process_flag(message_queue_data, off_heap), process_flag(save_calls, 0), process_flag(error_handler, error_handler), process_flag(sensitive, false), t(fun() -> process_flag(bad, 1) end), t(fun() -> process_flag(trap_exit, 1) end), t(fun() -> process_flag(priority, urgent) end)]} end), A = receive {flags, X} -> X after 500 -> none end,
    B = [put(a, 1), put(a, 2), get(a), get(none), erase(a), erase(a), get(a)], put({x, 1}, y), put(b, y), C = [lists:sort(get_keys(y)), [K || {K, y} <- lists:sort(get())]], erase({x, 1}), erase(b),
    {P, R} = spawn_opt(fun() -> process_flag(max_heap_size, #{size => 5000, kill => true, error_logger => false}), F = fun G(L) -> G([L, L | L]) end, F([]) end, [monitor]), D = receive {'DOWN', R, _, P, Why} -> Why after 5000 -> none end,
    Q = spawn(fun W() -> receive {F, ping} -> F ! pong, W() end end), erlang:suspend_process(Q), Q ! {S, ping}, E = receive pong -> early after 20 -> suspended end, {status, St} = process_info(Q, status), erlang:resume_process(Q), F2 = receive pong -> pong after 500 -> none end, G2 = t(fun() -> erlang:resume_process(Q) end), H = t(fun() -> erlang:suspend_process(S) end),
    Gl = group_leader(), I = group_leader(Gl, S), J = t(fun() -> group_leader(x, S) end), K = [t(fun() -> spawn_opt(fun() -> ok end, [O]) end) || O <- [bad, {priority, x}, {min_heap_size, -1}]], L = t(fun() -> spawn(m, f, x) end), M = is_pid(spawn(fun() -> ok end)), exit(Q, kill),
    [A, B, C, D, E, St, F2, G2, H, I, J, K, L, M, is_boolean(erlang:yield()), garbage_collect(), erlang:bump_reductions(100), is_integer(element(1, statistics(reductions)))].
