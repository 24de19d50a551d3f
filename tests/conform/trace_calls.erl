%% Call tracing: local and global patterns, returns, exceptions, where calls return to, counters, meta traces (25 only).
-module(trace_calls).
-export([main/0, f/1, g/1, t/1, nt/1, ex/1, thrower/1, first_receives/0]).

f(X) -> X + 1.
g(X) -> Y = f(X), Y * 2.
t(X) -> f(X).
nt(X) -> Z = t(X), Z.
ex(X) -> catch exx(X).
exx(X) -> Y = f(X), erlang:error(Y).
thrower(X) -> throw({f(X)}).
rev(L) -> lists:reverse(L, []).
first_receives() -> receive X -> X end.

loop() ->
    receive
        {call, M, F, A} -> try_it(M, F, A), loop();
        {local, L} -> _ = rev(L), loop();
        receives -> self() ! now, _ = first_receives(), loop();
        stop -> ok
    end.
try_it(M, F, A) -> try apply(M, F, A) catch _:_ -> ok end.

all() -> receive X -> [X | all()] after 100 -> [] end.
%% Pids and times are left out.
messages() -> [clean(M) || M <- all()].
clean(M) when element(1, M) =:= trace_ts -> clean(erlang:delete_element(tuple_size(M), setelement(1, M, trace)));
clean({trace, P, return_from, {_, ex, 1}, _}) when is_pid(P) -> {trace, return_from, ex};
clean(M) when element(1, M) =:= trace -> erlang:delete_element(2, M);
clean(M) -> M.

show(What) -> put(shown, [What | get(shown)]).
do(P, M, F, A) -> P ! {call, M, F, A}, show(messages()).
caught(F) -> try F() catch C:R -> {C, R} end.

main() ->
    put(shown, []),
    P = spawn_link(fun loop/0),
    1 = erlang:trace(P, true, [call, return_to]),
    Return = [{'_', [], [{return_trace}]}],
    [erlang:trace_pattern({?MODULE, F, '_'}, Return, [local]) || F <- [f, g, t, nt]],
    do(P, ?MODULE, g, [1]),
    do(P, ?MODULE, nt, [1]),
    Exception = [{'_', [], [{exception_trace}]}],
    [erlang:trace_pattern({?MODULE, F, '_'}, Exception, [local]) || F <- [f, ex, exx, thrower]],
    do(P, ?MODULE, ex, [1]),
    do(P, ?MODULE, thrower, [1]),
    show([erlang:trace_info({?MODULE, F, 1}, all) || F <- [f, exx, nosuch]]),
    erlang:trace_pattern({'_', '_', '_'}, false, [local]),
    %% A native function, called in all ways; a function that begins with a receive.
    2 = erlang:trace_pattern({lists, reverse, '_'}, true, [local]),
    do(P, lists, reverse, [[1, 2, 3], []]),
    do(P, lists, reverse, [[1, 2, 3]]),
    P ! {local, [1, 2]}, show(messages()),
    1 = erlang:trace_pattern({lists, reverse, 2}, [{'_', [], [{message, {caller}}]}], [global]),
    P ! {local, [1, 2]}, show(messages()),
    erlang:trace_pattern({lists, reverse, '_'}, false, [global]),
    1 = erlang:trace_pattern({?MODULE, first_receives, 0}, true, [local]),
    P ! receives, show(messages()),
    erlang:trace_pattern({'_', '_', '_'}, false, [local]),
    %% What specifications say.
    Specs = [[{message, {{'$1', {caller}}}}], [{message, false}, {return_trace}], [{silent, true}], [], [{silent, false}],
             [{disable_trace, return_to}, {message, {is_seq_trace}}], [{set_tcw, 17}, {message, {get_tcw}}]],
    [begin
         erlang:trace_pattern({?MODULE, f, 1}, [{['$1'], [{'>', '$1', 0}], S}], [local]),
         show(S), do(P, ?MODULE, g, [1]), do(P, ?MODULE, g, [0])
     end || S <- Specs],
    show(erlang:trace_info(P, flags)),
    erlang:trace(P, false, [all]),
    %% Meta traces and counters need no flags.
    1 = erlang:trace_pattern({?MODULE, f, 1}, Return, [{meta, self()}]),
    1 = erlang:trace_pattern({?MODULE, f, 1}, true, [call_count]),
    do(P, ?MODULE, g, [1]),
    do(P, ?MODULE, g, [2]),
    {meta, Me} = erlang:trace_info({?MODULE, f, 1}, meta),
    show(Me =:= self()),
    show([erlang:trace_info({?MODULE, f, 1}, I) || I <- [traced, match_spec, meta_match_spec, call_count, call_time]]),
    erlang:trace_pattern({?MODULE, f, 1}, pause, [call_count]),
    do(P, ?MODULE, g, [3]),
    show(erlang:trace_info({?MODULE, f, 1}, call_count)),
    erlang:trace_pattern({?MODULE, f, 1}, restart, [call_count]),
    show(erlang:trace_info({?MODULE, f, 1}, call_count)),
    1 = erlang:trace_pattern({?MODULE, f, 1}, true, [global]),
    show(erlang:trace_info({?MODULE, f, 1}, all)),
    1 = erlang:trace_pattern({?MODULE, f, 1}, true, [local]),
    show(erlang:trace_info({?MODULE, f, 1}, all)),
    %% Time is accounted to callers and callees apart.
    1 = erlang:trace(P, true, [call, {tracer, self()}]),
    erlang:trace_pattern({?MODULE, f, 1}, false, [local]),
    [erlang:trace_pattern({?MODULE, F, 1}, true, [call_time]) || F <- [f, g]],
    do(P, ?MODULE, g, [1]),
    show([begin {call_time, [{_, N, _, _}]} = erlang:trace_info({?MODULE, F, 1}, call_time), N end || F <- [f, g]]),
    erlang:trace_pattern({'_', '_', '_'}, false, [local, meta, call_count, call_time]),
    %% Errors.
    show([{O, S, caught(fun() -> erlang:trace_pattern({?MODULE, f, 1}, S, O) end)}
          || O <- [[global, local], [meta, global], [call_count], [foo], [{meta, foo}], []], S <- [restart, true, [{'_', [], []}], foo]]),
    show([caught(fun() -> erlang:trace_pattern(M, true, [local]) end) || M <- [{'_', f, 1}, {?MODULE, '_', 1}, {?MODULE, f}, foo, {?MODULE, f, 1000}]]),
    erlang:trace_pattern({?MODULE, f, 1}, false, [local, meta]),
    show([{I, K, caught(fun() -> erlang:trace_info(case I of me -> self(); _ -> I end, K) end)} || I <- [send, on_load, new, me], K <- [match_spec, all, flags]]),
    show([begin erlang:trace_pattern(on_load, S, O), erlang:trace_info(on_load, traced) end || {S, O} <- [{true, [local]}, {true, []}, {false, []}]]),
    %% One tracer for each process; a dead one is none.
    T = spawn(fun() -> receive stop -> ok end end),
    erlang:trace(P, false, [all]),
    1 = erlang:trace(P, true, [call, {tracer, T}]),
    show(erlang:trace_info(P, tracer) =:= {tracer, T}),
    Ref = monitor(process, T), T ! stop, receive {'DOWN', Ref, _, _, _} -> ok end,
    show([erlang:trace_info(P, I) || I <- [tracer, flags]]),
    unlink(P), P ! stop,
    lists:reverse(get(shown)).
