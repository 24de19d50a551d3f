%% Who owns a table: heirs, giving away, rights, names, all/0, options.
-module(ets_owners).
-export([main/0]).
t(F) -> try F() catch C:R -> {C, R} end.
in(F) -> S = self(), R = make_ref(), {P, M} = spawn_monitor(fun() -> S ! {R, t(F)} end), receive {R, X} -> receive {'DOWN', M, _, _, _} -> {P, X} end end.
main() ->
    Me = self(),
    {P1, _} = in(fun() -> ets:new(h1, [named_table, {heir, Me, {gift, "x"}}]), ets:insert(h1, {1, 2}) end),
    A = receive {'ETS-TRANSFER', h1, P1, G} -> {G, ets:lookup(h1, 1), ets:info(h1, owner) =:= Me, ets:info(h1, heir) =:= Me} after 1000 -> none end,
    {_, T2} = in(fun() -> ets:new(h2, [public]) end), timer:sleep(20),
    B = {t(fun() -> ets:lookup(T2, 1) end), ets:info(T2), lists:member(T2, ets:all()), lists:member(h1, ets:all())},
    {_, C} = in(fun() -> {t(fun() -> ets:insert(h1, {3}) end), t(fun() -> ets:lookup(h1, 1) end), t(fun() -> ets:delete(h1) end), t(fun() -> ets:give_away(h1, self(), x) end), t(fun() -> ets:setopts(h1, [{heir, none}]) end), t(fun() -> ets:rename(h1, h11) end), t(fun() -> ets:safe_fixtable(h1, true) end)} end),
    D = {ets:setopts(h1, {protection, public}), element(2, in(fun() -> ets:insert(h1, {3}) end)), ets:setopts(h1, [{protection, private}, {heir, none}]), element(2, in(fun() -> {t(fun() -> ets:lookup(h1, 1) end), ets:info(h1, size), ets:info(h1, protection)} end)), ets:info(h1, heir)},
    Q = spawn(fun() -> receive {'ETS-TRANSFER', h1, Me, mine} -> Me ! {got, ets:lookup(h1, 1)} end, receive back -> ets:give_away(h1, Me, again) end end),
    E = {ets:give_away(h1, Q, mine), receive {got, X} -> X end, t(fun() -> ets:lookup(h1, 1) end)}, Q ! back,
    F = receive {'ETS-TRANSFER', h1, Q, again} -> ets:info(h1, owner) =:= Me after 1000 -> none end,
    H = {ets:rename(h1, h3), ets:whereis(h1), ets:whereis(h3) =:= ets:info(h3, id), ets:lookup(ets:whereis(h3), 1), t(fun() -> ets:new(h3, [named_table]) end), ets:delete(h3), ets:whereis(h3), ets:info(h3)},
    I = [begin T = ets:new(o, O), R = [ets:info(T, K) || K <- [type, protection, named_table, keypos, read_concurrency, write_concurrency, compressed, decentralized_counters, name, size, heir, node, fixed, safe_fixed, safe_fixed_monotonic_time]], ets:delete(T), R end
         || O <- [[], [public, {write_concurrency, true}], [ordered_set, public, {write_concurrency, true}, {read_concurrency, true}], [{write_concurrency, auto}, {keypos, 3}], [bag, compressed, private, {write_concurrency, true}], [duplicate_bag, named_table, {decentralized_counters, true}], [set, bag, ordered_set], [public, private, {keypos, 2}, {keypos, 4}], [{heir, none}]]],
    J = begin K = ets:new(c, [compressed]), ets:insert(K, {1, lists:duplicate(1000, a), <<0:8000>>}), {ets:lookup(K, 1) =:= [{1, lists:duplicate(1000, a), <<0:8000>>}], ets:match(K, {'$1', '_', '_'})} end,
    L = [element(1, Y) || Y <- ets:info(K)],
    [A, B, C, D, E, F, H, I, J, L, t(fun() -> ets:delete(K), ets:delete(K) end)].
