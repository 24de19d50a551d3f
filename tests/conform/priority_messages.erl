%% Messages of priority come before all others: through aliases, links, monitors, exit signals (28 and later; before, the option is wrong).
-module(priority_messages).
-export([main/0]).
main() -> case erlang:system_info(otp_release) >= "28" of false -> older; true -> newer() end.
c(F) -> try F() catch error:{R, _} -> R; C:E -> {C, E} end.
msgs() -> element(2, process_info(self(), messages)).
got() -> receive after 50 -> ok end, M = [case X of {T, _, R} when T =:= 'EXIT' -> {T, R}; {T, _, process, _, R} -> {T, R}; _ -> X end || X <- msgs()], flush(), M.
flush() -> receive _ -> flush() after 0 -> ok end.
wait() -> spawn(fun() -> receive x -> ok end end).
newer() ->
    A = apply(erlang, alias, [[priority]]), B = alias(),
    S = fun(To, M, O) -> apply(erlang, send, [To, M, O]) end,
    self() ! one, S(A, p1, [priority]), self() ! two, S(A, p2, [priority]), S(A, plain, []), S(B, other, [priority]), S(A, p3, [noconnect, priority]), R1 = got(),
    process_flag(trap_exit, true),
    L = fun(P, O) -> apply(erlang, link, [P, O]) end,
    P1 = wait(), self() ! one, L(P1, [priority]), apply(erlang, monitor, [process, P1, [priority]]), P1 ! x, R2 = lists:sort(lists:sublist(M2 = got(), 2)), R3 = lists:last(M2),
    P2 = wait(), self() ! one, link(P2), L(P2, [priority]), P2 ! x, R4 = got(),
    P3 = wait(), self() ! one, L(P3, [priority]), link(P3), P3 ! x, R5 = got(),
    X = fun(To, O) -> apply(erlang, exit, [To, hej, O]) end,
    self() ! one, X(A, [priority]), R6 = got(), self() ! one, X(B, [priority]), X(A, []), X(self(), [priority]), R7 = got(),
    self() ! one, Me = self(), spawn(fun() -> S(A, {found, first}, [priority]), Me ! done end), receive done -> ok end, R8 = got(),
    spawn(fun() -> receive after 20 -> S(A, wanted, [priority]) end end), self() ! unwanted, R9 = receive wanted -> yes end, R10 = got(),
    [R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, [c(F) || F <- [fun() -> S(self(), x, [priority]) end, fun() -> S(A, x, [foo]) end, fun() -> L(self(), [foo]) end, fun() -> L(self(), []) end, fun() -> X(self(), [bar]) end, fun() -> apply(erlang, alias, [[foo]]) end]],
     process_info(self(), priority_messages)].
