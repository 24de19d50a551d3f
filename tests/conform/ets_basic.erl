%% ETS: the four types of tables, insert, lookup, delete, counters, what is refused.
-module(ets_basic).
-export([main/0, id/1]).
id(X) -> X.
t(F) -> try F() catch C:R -> {C, R} end.
main() ->
    [types(Type) || Type <- [set, ordered_set, bag, duplicate_bag]] ++ [others()].
types(Type) ->
    T = ets:new(t, [Type]), L = [{1, a}, {2, b}, {1, c}, {1.0, d}, {1, a}, {"k", {x, y}}, {2, z, more}],
    [ets:insert(T, X) || X <- L],
    R = [Type, lists:sort(ets:tab2list(T)), ets:lookup(T, 1), ets:lookup(T, 1.0), ets:lookup(T, none), ets:member(T, 2), ets:info(T, size), ets:info(T, type),
     t(fun() -> ets:lookup_element(T, 2, 2) end), t(fun() -> ets:lookup_element(T, none, 2) end), ets:insert_new(T, {1, n}), ets:insert_new(T, [{7, n}, {8, n}]),
     ets:delete_object(T, {1, a}), ets:lookup(T, 1), ets:take(T, 2), ets:delete(T, 1), lists:sort(ets:tab2list(T)), ets:delete_all_objects(T), ets:tab2list(T), ets:first(T)],
    ets:delete(T), R.
others() ->
    T = ets:new(nm, [named_table, {keypos, 2}]), ets:insert(T, [{a, 1, 10}, {b, 2, 20}]),
    R = [T, ets:lookup(nm, 1), ets:update_counter(nm, 1, {3, 5}), ets:update_counter(nm, 1, [{3, 1}, {3, -100, 0, 7}]), ets:update_counter(nm, 9, {3, 1}, {def, 9, 0}), t(fun() -> ets:update_counter(nm, 99, 1) end),
     t(fun() -> ets:update_counter(nm, 1, {1, 1}) end), ets:update_element(nm, 2, {3, new}), ets:update_element(nm, 77, {3, new}), t(fun() -> ets:update_element(nm, 2, {2, k}) end), ets:lookup(nm, 2),
     t(fun() -> ets:insert(nm, {short}) end), t(fun() -> ets:insert(nm, notatuple) end), t(fun() -> ets:lookup(nosuch, 1) end), t(fun() -> ets:new(nm, [named_table]) end), t(fun() -> ets:new(x, [bad]) end),
     ets:info(nosuch), ets:info(nm, keypos), ets:info(nm, named_table), ets:info(nm, protection), ets:whereis(nosuch), is_reference(ets:whereis(nm)), ets:rename(nm, nm2), ets:lookup(nm2, 1), ets:info(nm2, owner) =:= self(),
     begin P = self(), spawn(fun() -> P ! {r, t(fun() -> ets:insert(nm2, {x, 5, 5}) end), ets:lookup(nm2, 1)} end), receive {r, A, B} -> {A, B} end end, ets:delete(nm2), t(fun() -> ets:delete(nm2) end)],
    R.
