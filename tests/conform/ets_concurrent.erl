%% Tables shared by processes: counters that many raise, heirs, giving away, owners that die, safe_fixtable while deleting.
-module(ets_concurrent).
-export([main/0]).
par(N, F) -> Ps = [spawn_monitor(fun() -> F(I) end) || I <- lists:seq(1, N)], [receive {'DOWN', R, _, _, X} -> X end || {_, R} <- Ps].
main() ->
    T = ets:new(c, [public, {write_concurrency, true}, {read_concurrency, true}]), ets:insert(T, {n, 0}),
    A = par(8, fun(I) -> [ets:update_counter(T, n, 1) || _ <- lists:seq(1, 1000)], [ets:insert(T, {{I, J}, J}) || J <- lists:seq(1, 500)] end),
    B = {ets:lookup(T, n), ets:info(T, size)}, C = par(8, fun(I) -> [ets:delete(T, {I, J}) || J <- lists:seq(1, 500, 2)] end), D = ets:info(T, size),
    S = self(), P = spawn(fun() -> X = ets:new(h, [{heir, S, gift}, public]), ets:insert(X, {k, v}), S ! {tab, X}, receive die -> ok end end), H = receive {tab, X} -> X end, P ! die, E = receive {'ETS-TRANSFER', H, P, gift} -> ets:lookup(H, k) after 500 -> none end,
    Q = spawn(fun() -> receive {'ETS-TRANSFER', H, S, given} -> S ! {owner, ets:info(H, owner) =:= self()} end, receive go -> ok end end), ets:give_away(H, Q, given), F = receive {owner, O} -> O after 500 -> none end,
    R = monitor(process, Q), Q ! go, receive {'DOWN', R, _, _, _} -> ok end, timer:sleep(5), G = ets:info(H, owner) =:= self(),
    ets:safe_fixtable(T, true), W = fun L('$end_of_table', N) -> N; L(K, N) -> Nx = (catch ets:delete(T, K)), true = Nx, L(ets:next(T, K), N + 1) end, I = W(ets:first(T), 0), ets:safe_fixtable(T, false),
    [lists:usort(A), B, lists:usort(C), D, E, F, G, I, ets:info(T, size), ets:info(T, safe_fixed_monotonic_time)].
