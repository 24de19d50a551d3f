%% Traces of processes: spawning, linking, names, messages with patterns, time, running, collections. (timing)
-module(trace_processes).
-export([main/0]).

all() -> receive X -> [X | all()] after 100 -> [] end.
show(What) -> put(shown, [What | get(shown)]).
names(T, Known) when is_pid(T) -> proplists:get_value(T, Known, pid);
names(T, Known) when is_tuple(T) -> list_to_tuple(names(tuple_to_list(T), Known));
names([H | T], Known) -> [names(H, Known) | names(T, Known)];
names(T, _) when is_function(T); is_reference(T) -> thing;
names(T, _) -> T.

loop() ->
    receive
        {do, F} -> F(), loop();
        {wait, N} -> receive never -> ok after N -> loop() end;
        stop -> ok
    end.

main() ->
    put(shown, []),
    P = spawn(fun loop/0),
    Q = spawn(fun loop/0),
    Me = self(),
    Known = [{P, p}, {Q, q}, {Me, me}],
    Do = fun(F) -> P ! {do, F}, show(names(all(), Known)) end,
    1 = erlang:trace(P, true, [procs]),
    Do(fun() -> spawn_link(lists, seq, [1, 2]) end),
    Do(fun() -> link(Q), unlink(Q) end),
    Do(fun() -> register(traced, self()) end),
    unregister(traced), show(names(all(), Known)),
    Q ! {do, fun() -> link(P), unlink(P) end}, show(names(all(), Known)),
    erlang:trace(P, false, [procs]),
    1 = erlang:trace(P, true, [send, 'receive']),
    Do(fun() -> Me ! hello, self() ! own, receive own -> ok end end),
    P ! {wait, 5}, show(names(all(), Known)),
    1 = erlang:trace_pattern(send, [{[Me, '$1'], [{is_atom, '$1'}], [{message, {{said, '$1'}}}]}], []),
    1 = erlang:trace_pattern('receive', [{['_', Me, '$1'], [{is_tuple, '$1'}], []}, {[clock_service, undefined, timeout], [], []}], []),
    Do(fun() -> Me ! hello, Me ! 17, self() ! own, receive own -> ok end end),
    P ! {wait, 5}, show(names(all(), Known)),
    show([catch element(1, element(2, catch erlang:trace_pattern(E, S, [])))
          || {E, S} <- [{send, [{'_', [], [{caller}]}]}, {'receive', [{'_', [], [{silent, true}]}]}, {send, pause}]]),
    1 = erlang:trace_pattern(send, false, []),
    Do(fun() -> Me ! hello end),
    show(names([erlang:trace_info(E, match_spec) || E <- [send, 'receive']], Known)),
    [erlang:trace_pattern(E, true, []) || E <- [send, 'receive']],
    Dead = spawn(fun() -> ok end),
    Ref = monitor(process, Dead), receive {'DOWN', Ref, _, _, _} -> ok end,
    Do(fun() -> Dead ! x, catch (nobody ! y) end),
    erlang:trace(P, false, [send, 'receive']),
    %% What children inherit.
    1 = erlang:trace(P, true, [procs, set_on_first_spawn]),
    Do(fun() -> [begin {C, R} = spawn_monitor(fun() -> ok end), receive {'DOWN', R, _, C, _} -> ok end end || _ <- [1, 2]] end),
    show(erlang:trace_info(P, flags)),
    erlang:trace(P, false, [all]),
    1 = erlang:trace(P, true, [garbage_collection]),
    P ! {do, fun() -> erlang:garbage_collect() end},
    show([{T, lists:sort([K || {K, _} <- I])} || {trace, _, T, I} <- all(), T =:= gc_major_start orelse T =:= gc_major_end]),
    erlang:trace(P, false, [all]),
    1 = erlang:trace(P, true, [running, exiting, procs]),
    P ! stop, show([case M of {trace, _, T, {_, loop, 0}} -> {T, loop}; {trace, _, T, W} -> {T, W} end || M <- all()]),
    show(erlang:trace_info(P, flags)),
    show([element(1, element(2, catch erlang:trace(W, true, F))) || {W, F} <- [{P, [call]}, {Me, [foo]}, {foo, [call]}, {Me, [{tracer, foo}]}]]),
    Q ! stop,
    lists:reverse(get(shown)).
