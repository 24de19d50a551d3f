%% Busy processes do not starve others; priorities; many processes at once; long native functions give way. (timing)
-module(sched_fair).
-export([main/0]).
spin() -> spin().
main() ->
    S = self(), Spin = [spawn(fun spin/0) || _ <- lists:seq(1, 8)], T0 = erlang:monotonic_time(millisecond), [begin P = spawn(fun() -> receive {F, N} -> F ! {r, N} end end), P ! {S, I}, receive {r, I} -> ok end end || I <- lists:seq(1, 50)], timer:sleep(20), [exit(P, kill) || P <- Spin], A = erlang:monotonic_time(millisecond) - T0 < 5000,
    Big = lists:duplicate(300000, x), L = [spawn_link(fun() -> _ = term_to_binary(Big), _ = lists:reverse(Big), _ = erlang:phash2(Big), _ = Big ++ Big, _ = length(Big), _ = iolist_size([$a || _ <- Big]), S ! {fin, self()} end) || _ <- [1, 2, 3]], B = [receive {fin, P} -> ok after 20000 -> late end || P <- L],
    N = 20000, [spawn(fun() -> S ! one end) || _ <- lists:seq(1, N)], C = (fun G(0) -> N; G(K) -> receive one -> G(K - 1) after 20000 -> {missing, K} end end)(N), H = spawn_opt(fun() -> receive {q, F} -> F ! high end end, [{priority, high}]), H ! {q, S}, D = receive high -> high after 2000 -> late end, W = spawn_opt(fun() -> S ! low end, [{priority, low}]), E = receive low -> is_pid(W) after 5000 -> late end, [A, B, C, D, E, erlang:system_flag(multi_scheduling, unblock), is_list(erlang:process_info(S)), erlang:yield()].
