%% max_heap_size is looked at when others collect, counts messages that are not off the heap, and what a purge copies
-module(heap_limit_others).
-export([main/0, hold/1]).

main() ->
    logger:set_primary_config(level, none),
    [{Queue, ended(Queue)} || Queue <- [on_heap, off_heap]] ++ [literals()].

ended(Queue) ->
    {P, R} = spawn_opt(fun() -> receive after 20000 -> ok end end,
        [monitor, {max_heap_size, #{size => 1024, kill => true, error_logger => true}}, {message_queue_data, Queue}]),
    [P ! lists:duplicate(I, I) || I <- lists:seq(1, 100)],
    process_info(P, messages),
    garbage_collect(P),
    R2 = receive {'DOWN', R, _, _, Reason} -> Reason after 1000 -> alive end,
    exit(P, kill),
    R2.

literals() ->
    Forms = [{attribute, 1, module, hlo_lit}, {attribute, 1, export, [{term, 0}]},
        {function, 1, term, 0, [{clause, 1, [], [], [erl_parse:abstract(lists:seq(1, 5000))]}]}],
    {ok, hlo_lit, Bin} = compile:forms(Forms, []),
    {module, hlo_lit} = code:load_binary(hlo_lit, "hlo_lit", Bin),
    {P, R} = spawn_opt(?MODULE, hold, [self()], [monitor, {max_heap_size, #{size => 1024, kill => true, error_logger => true}}]),
    receive {P, ready} -> ok end,
    code:delete(hlo_lit),
    code:purge(hlo_lit),
    receive {'DOWN', R, _, _, Reason} -> Reason after 5000 -> alive end.

hold(Me) ->
    T = hlo_lit:term(),
    Me ! {self(), ready},
    receive x -> T end.
