%% Thousands of timers: none early, none lost, in order; cancelled ones stay silent. (timing)
-module(timers_many).
-export([main/0]).
main() ->
    S = self(), N = 5000, T0 = erlang:monotonic_time(millisecond), [erlang:send_after((I * 7919) rem 100, S, {t, (I * 7919) rem 100}) || I <- lists:seq(1, N)], Got = [receive {t, D} -> {D, erlang:monotonic_time(millisecond) - T0} after 3000 -> lost end || _ <- lists:seq(1, N)], Early = [X || {D, X} = _ <- Got, X < D], C = [erlang:send_after(60, S, {no, I}) || I <- lists:seq(1, 1000)], [erlang:cancel_timer(R) || R <- C], timer:sleep(90), Late = receive {no, _} -> silent_one_spoke after 0 -> ok end, Ps = [spawn(fun() -> receive after I rem 50 -> S ! {slept, I} end end) || I <- lists:seq(1, 1000)], Slept = length([receive {slept, _} -> ok after 3000 -> lost end || _ <- Ps]), Far = erlang:send_after(4000000000, S, x), Left = erlang:cancel_timer(Far), [length(Got), Early, Late, Slept, Left > 3999000000].
