%% suspend_process and its options: what they answer, and how often one process has suspended another.
-module(suspend_counts).
-export([main/0]).
main() ->
    P = spawn(fun() -> receive x -> ok end end), S = self(),
    A = erlang:suspend_process(P), B = erlang:suspend_process(P, [unless_suspending]), C = erlang:suspend_process(P, [asynchronous]), D = count(P),
    E = erlang:suspend_process(P, [unless_suspending, asynchronous]), R = make_ref(), F = erlang:suspend_process(P, [{asynchronous, R}]), G = receive {R, X} -> X end, H = count(P),
    [erlang:resume_process(P) || _ <- [1, 2, 3]], I = count(P), J = (catch erlang:resume_process(P)), exit(P, kill),
    wait(P), R2 = make_ref(), K = (catch erlang:suspend_process(P, [{asynchronous, R2}])), N = erlang:monitor(time_offset, clock_service), O = demonitor(N, [flush, info]),
    {A, B, C, D, E, F, G, H, I, element(1, J), element(1, element(2, J)), k(K), O, process_info(S, suspending)}.
k({'EXIT', {X, _}}) -> X;
k(X) -> X.
count(P) -> [{C, O} || {Q, C, O} <- element(2, process_info(self(), suspending)), Q =:= P].
wait(P) -> case is_process_alive(P) of true -> erlang:yield(), wait(P); false -> ok end.
