%% Receive that skips, with a fresh reference, in the middle of thousands; hibernate; nested receives.
-module(selective_receive).
-export([main/0, awake/1]).
awake(S) -> receive M -> S ! {awake, M} end.
main() ->
    S = self(), [S ! {junk, I} || I <- lists:seq(1, 5000)],
    P = spawn(fun L() -> receive {F, R, X} -> F ! {R, X * 2}, L() end end),
    A = lists:sum([begin R = make_ref(), P ! {S, R, I}, receive {R, Y} -> Y end end || I <- lists:seq(1, 500)]),
    B = lists:sum([begin R = monitor(process, P), P ! {S, R, I}, receive {R, Y} -> demonitor(R, [flush]), Y; {'DOWN', R, _, _, _} -> down end end || I <- lists:seq(1, 100)]),
    C = element(2, process_info(S, message_queue_len)), D = [receive {junk, I} -> I end || _ <- [1, 2, 3]], E = receive {junk, 5000} -> found end,
    F = (fun L(N) -> receive {junk, _} -> L(N + 1) after 0 -> N end end)(0),
    H = spawn(fun() -> erlang:hibernate(?MODULE, awake, [S]) end), timer:sleep(5), H ! wake, G = receive {awake, W} -> W after 500 -> none end,
    S ! outer, S ! inner, I = receive outer -> receive inner -> nested end end,
    [A, B, C, D, E, F, G, I, receive X when X > 1 -> X after 0 -> empty end].
