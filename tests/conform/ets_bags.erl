%% Bags: order of insertion, doubles, deleting one of many.
-module(ets_bags).
-export([main/0]).
main() ->
    [begin
         T = ets:new(t, [Type]), [ets:insert(T, X) || X <- [{1, a}, {1, b}, {2, x}, {1, a}, {1, c}, {1.0, f}, {1, b, more}]],
         A = ets:lookup(T, 1), B = ets:lookup_element(T, 1, 2), ets:delete_object(T, {1, b}), C = ets:lookup(T, 1), ets:insert(T, {1, b}), D = ets:lookup(T, 1),
         ets:insert(T, [{5, a}, {5, b}, {5, a}, {5, c}]), E = lists:sort(ets:lookup(T, 5)), F = ets:match(T, {2, '$1'}), G = ets:match_object(T, {1.0, '_'}), H = lists:sort(ets:match(T, {1, '$1'})),
         I = ets:take(T, 1), J = ets:info(T, size), K = ets:member(T, 1), L = ets:lookup_element(T, 2, 2), M = ets:select_delete(T, [{{5, a}, [], [true]}]), N = lists:sort(ets:lookup(T, 5)),
         O = ets:select_count(T, [{{'_', '_'}, [], [true]}]), P = try ets:update_counter(T, 2, 1) catch X1:Y1 -> {X1, Y1} end, Q = ets:insert_new(T, {5, z}), R = ets:insert_new(T, {6, z}),
         S = try ets:lookup_element(T, 6, 3) catch X2:Y2 -> {X2, Y2} end, [ets:insert(T, {9, V}) || V <- lists:seq(1, 100)], [ets:delete_object(T, {9, V}) || V <- lists:seq(1, 100, 2)], U = ets:lookup(T, 9),
         ets:delete(T, 9), {Type, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, U, lists:sort(ets:tab2list(T))}
     end || Type <- [bag, duplicate_bag]].
