%% send_after, start_timer, cancel, read; order of expiry; to names; absolute times; what is refused.
-module(timers).
-export([main/0]).
main() ->
    S = self(), [erlang:send_after(T, S, T) || T <- [30, 10, 20, 0]], A = [receive X -> X after 500 -> none end || _ <- [1, 2, 3, 4]],
    R = erlang:start_timer(5, S, m), B = receive {timeout, R, M} -> M after 500 -> none end,
    R2 = erlang:send_after(100000, S, x), C = [begin V = erlang:read_timer(R2), V > 90000 andalso V =< 100000 end, is_integer(erlang:cancel_timer(R2)), erlang:cancel_timer(R2), erlang:read_timer(R2)],
    register(tt, S), erlang:send_after(1, tt, named), D = receive named -> ok after 500 -> none end, erlang:send_after(1, nobody_at_all, x),
    R3 = erlang:send_after(100000, S, x), ok = erlang:cancel_timer(R3, [{async, true}]), E = receive {cancel_timer, R3, L} -> is_integer(L) after 500 -> none end,
    F = erlang:cancel_timer(R3, [{info, false}]), Abs = erlang:monotonic_time(millisecond) + 5, erlang:send_after(Abs, S, abs, [{abs, true}]), G = receive abs -> erlang:monotonic_time(millisecond) >= Abs after 500 -> none end,
    H = [element(1, element(2, catch Fun())) || Fun <- [fun() -> erlang:send_after(-1, S, x) end, fun() -> erlang:send_after(a, S, x) end, fun() -> erlang:start_timer(1, 5, x) end, fun() -> erlang:cancel_timer(x) end]],
    {ok, T} = timer:send_interval(3, tick), I = [receive tick -> tick after 500 -> none end || _ <- [1, 2, 3]], timer:cancel(T),
    Dead = spawn(fun() -> ok end), timer:sleep(5), erlang:send_after(1, Dead, x), T0 = erlang:monotonic_time(millisecond), receive never -> x after 20 -> ok end, J = erlang:monotonic_time(millisecond) - T0 >= 20,
    [A, B, C, D, E, F, G, H, I, J, element(1, timer:tc(fun() -> timer:sleep(2) end)) >= 2000].
