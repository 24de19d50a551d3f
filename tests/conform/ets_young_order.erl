%% Small hash tables with atoms as keys are walked in the order of the atoms' hashes, answers come the other way round; walks stay whole when a table grows.
-module(ets_young_order).
-export([main/0]).
walk(_, '$end_of_table') -> [];
walk(T, K) -> [K | walk(T, ets:next(T, K))].
main() -> [order(Type, O) || Type <- [set, bag, duplicate_bag], O <- [[], [public]]] ++ [grown(O) || O <- [[], [public], [bag]]].
order(Type, Options) ->
    T = ets:new(t, [Type | Options]),
    [ets:insert(T, {A, N}) || {A, N} <- [{git_repo, 1}, {abc_repo, 2}, {deps_repo, 3}, {key2_other, 4}, {key2_wannabe, 5}, {zebra_crossing, 6}, {'a place', 7}, {another_name, 8}, {deps_repo, 9}]],
    {Some, C} = ets:select(T, [{{'$1', '$2'}, [{'>', '$2', 1}], ['$1']}], 3),
    {More, _} = ets:select(C),
    [walk(T, ets:first(T)), ets:tab2list(T), ets:match(T, {'$1', '_'}), ets:foldl(fun(X, L) -> [X | L] end, [], T), Some, More, ets:match_object(T, {deps_repo, '_'}), ets:select_delete(T, [{{'_', '$1'}, [{'<', '$1', 4}], [true]}]), ets:tab2list(T), ets:take(T, key2_other), ets:first(T)].
%% Whoever has the table fixed sees each key that stays, once.
grown(Options) ->
    T = ets:new(t, Options),
    A = fun(I) -> list_to_atom("young_" ++ integer_to_list(I)) end,
    [ets:insert(T, {A(I)}) || I <- lists:seq(1, 200)],
    ets:safe_fixtable(T, true),
    Seen = steps(T, ets:first(T), 1000, A),
    ets:safe_fixtable(T, false),
    [ets:insert(T, {A(I)}) || I <- lists:seq(3000, 9000)],
    After = walk(T, ets:first(T)),
    [lists:sort([I || I <- lists:seq(1, 200), I rem 3 =/= 0] -- [I || I <- Seen, I =< 200]), length([I || I <- Seen, I =< 200]) =:= length(lists:usort([I || I <- Seen, I =< 200])),
     length(After) =:= length(lists:usort(After)), length(After) =:= ets:info(T, size), lists:sort(After) =:= lists:sort([X || {X} <- ets:tab2list(T)]), ets:select_count(T, [{{'_'}, [], [true]}]) =:= length(After), ets:select_delete(T, [{{'_'}, [], [true]}]) =:= length(After), ets:tab2list(T)].
steps(_, '$end_of_table', _, _) -> [];
steps(T, K, N, A) ->
    "young_" ++ I = atom_to_list(K),
    ets:insert(T, [{A(N)}, {A(N + 1)}]),
    list_to_integer(I) rem 3 =:= 0 andalso ets:delete(T, K),
    [list_to_integer(I) | steps(T, ets:next(T, K), N + 2, A)].
