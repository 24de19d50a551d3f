%% Steps through ordered sets (first, last, next, prev, and a lookup of what was found), with changes between them and others who step.
-module(ets_steps).
-export([main/0]).

main() ->
    [[random(Seed) || Seed <- lists:seq(1, 8)], changed(), equal_keys(), turns(), many()].

%% Random steps and changes, against a sorted list.
random(Seed) ->
    rand:seed(exsss, Seed),
    T = ets:new(t, [ordered_set]),
    Keys = [{key, K} || K <- lists:seq(1, 100)],
    ets:insert(T, [{K, 0} || K <- Keys]),
    go(20000, T, '$end_of_table', orddict:from_list([{K, 0} || K <- Keys])),
    {ets:info(T, size), erlang:phash2(ets:tab2list(T))}.

go(0, T, _, Model) -> Model = ets:tab2list(T), ok;
go(N, T, At, Model) ->
    case rand:uniform(40) of
        1 ->
            Key = {key, rand:uniform(100)},
            true = ets:delete(T, Key),
            go(N - 1, T, At, orddict:erase(Key, Model));
        2 ->
            Key = {key, rand:uniform(100)},
            true = ets:insert(T, {Key, N}),
            go(N - 1, T, At, orddict:store(Key, N, Model));
        3 when At =/= '$end_of_table' ->
            case ets:update_element(T, At, {2, big(N)}) of
                true -> go(N - 1, T, At, orddict:store(At, big(N), Model));
                false -> go(N - 1, T, At, Model)
            end;
        4 ->
            go(N - 1, T, {key, rand:uniform(100)}, Model);
        5 ->
            go(N - 1, T, step(T, prev, At, Model), Model);
        _ ->
            go(N - 1, T, step(T, next, At, Model), Model)
    end.

big(N) -> {N, N bsl 70, list_to_binary(lists:duplicate(100, N band 255))}.

step(T, Way, '$end_of_table', Model) ->
    Edge = case Way of next -> ets:first(T); prev -> ets:last(T) end,
    case Model of
        [] -> '$end_of_table' = Edge;
        _ when Way =:= next -> Edge = element(1, hd(Model));
        _ -> Edge = element(1, lists:last(Model))
    end,
    looked_up(T, Edge, Model);
step(T, Way, At, Model) ->
    {Found, Side} = case Way of
        next -> {ets:next(T, At), [K || {K, _} <- Model, K > At]};
        prev -> {ets:prev(T, At), lists:reverse([K || {K, _} <- Model, K < At])}
    end,
    case Side of
        [] -> '$end_of_table' = Found;
        [K | _] -> Found = K
    end,
    looked_up(T, Found, Model).

looked_up(_, '$end_of_table', _) -> '$end_of_table';
looked_up(T, Key, Model) ->
    [{Key, Value}] = ets:lookup(T, Key),
    Value = orddict:fetch(Key, Model),
    Key.

%% Each object is taken out, or put in behind, once it was found.
changed() ->
    T = ets:new(t, [ordered_set, public]),
    ets:insert(T, [{K} || K <- lists:seq(1, 200)]),
    Seen = walk(T, ets:first(T), fun(K) -> ets:delete(T, K), ets:delete(T, K + 2), K < 900 andalso ets:insert(T, {K + 301}) end, []),
    {length(Seen), Seen, ets:info(T, size)}.

walk(_, '$end_of_table', _, Seen) -> lists:reverse(Seen);
walk(T, K, F, Seen) -> F(K), walk(T, ets:next(T, K), F, [K | Seen]).

%% A key that is equal and not the same, in a step and in a lookup.
equal_keys() ->
    T = ets:new(t, [ordered_set]),
    ets:insert(T, [{K, old} || K <- lists:seq(1, 40)]),
    [A, B, C] = [ets:first(T), ets:next(T, 1.0), ets:next(T, 2.0)],
    Looked = ets:lookup(T, 3.0),
    ets:insert(T, {3.0, new}),
    {A, B, C, Looked, ets:lookup(T, 3), ets:next(T, 2), ets:next(T, 3), ets:prev(T, 4.0), ets:next(T, a), ets:prev(T, a)}.

%% Two that step in turns, to and fro, and one that only looks up.
turns() ->
    T = ets:new(t, [ordered_set]),
    ets:insert(T, [{K, K * K} || K <- lists:seq(1, 60)]),
    turns(T, ets:first(T), ets:last(T), []).
turns(_, '$end_of_table', '$end_of_table', Seen) -> Seen;
turns(T, A, B, Seen) ->
    [{7, 49}] = ets:lookup(T, 7),
    turns(T, ets:next(T, A), ets:prev(T, B), [{ets:lookup_element(T, A, 2), ets:member(T, B)} | Seen]).

%% Many at a time, while one changes the table.
many() ->
    T = ets:new(t, [ordered_set, public]),
    ets:insert(T, [{K, K * 3} || K <- lists:seq(1, 3000)]),
    Self = self(),
    Readers = [spawn_monitor(fun() -> read(T, ets:first(T), 0, Self) end) || _ <- lists:seq(1, 6)],
    Writer = spawn(fun() -> write(T, 0) end),
    Counts = [receive {'DOWN', M, process, P, Why} -> Why end || {P, M} <- Readers],
    exit(Writer, kill),
    Counts.
read(_, '$end_of_table', N, _) -> exit(N >= 1500);
read(T, K, N, Self) ->
    case ets:lookup(T, K) of
        [{K, V}] when V =:= K * 3 -> ok;
        [] when K rem 2 =:= 0 -> ok
    end,
    read(T, ets:next(T, K), N + 1, Self).
write(T, N) ->
    K = (N rem 1500 + 1) * 2,
    ets:delete(T, K),
    ets:insert(T, {K, K * 3}),
    write(T, N + 1).
