%% Messages taken out of the middle of a long queue, in any order; receive marks and flushing meanwhile; who was linked first ends first.
-module(mailbox_order).
-export([main/0]).
main() ->
    [self() ! {m, I} || I <- lists:seq(1, 3000)],
    Mixed = [I || {_, I} <- lists:sort([{erlang:phash2(I), I} || I <- lists:seq(1, 3000)])],
    {First, Rest} = lists:split(1500, Mixed),
    A = [receive {m, I} -> I end || I <- First] =:= First,
    B = element(2, process_info(self(), message_queue_len)),
    C = [I || {m, I} <- element(2, process_info(self(), messages))] =:= [I || I <- lists:seq(1, 3000), not lists:member(I, First)],
    R = make_ref(), self() ! {R, late}, D = receive {R, X} -> X end,
    {P, M} = spawn_monitor(fun() -> ok end), wait_down(M), E = {demonitor(M, [flush, info]), is_process_alive(P), element(2, process_info(self(), message_queue_len))},
    F = [receive {m, I} -> I end || I <- Rest] =:= Rest,
    process_flag(trap_exit, true),
    S = self(),
    H = spawn(fun() -> S ! {ps, [spawn_link(fun() -> process_flag(trap_exit, true), S ! {ready, self()}, receive {'EXIT', _, _} -> S ! {gone, self()} end end) || _ <- lists:seq(1, 50)]}, receive go -> ok end end),
    Ps = receive {ps, L} -> L end, [receive {ready, Q} -> ok end || Q <- Ps], monitor(process, H), H ! go, receive {'DOWN', _, _, H, _} -> ok end,
    G = length([receive {gone, Q} -> Q end || Q <- Ps]),
    process_flag(trap_exit, false),
    {A, B, C, D, E, F, G, process_info(self(), message_queue_len)}.
wait_down(M) -> case [1 || {'DOWN', R, _, _, _} <- element(2, process_info(self(), messages)), R =:= M] of [] -> erlang:yield(), wait_down(M); _ -> ok end.
