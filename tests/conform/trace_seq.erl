%% Sequential tracing: tokens, what their tracer is told, messages that hand them on.
-module(trace_seq).
-export([main/0]).

caught(F) -> try F() catch C:R -> {C, R} end.
show(What) -> put(shown, [What | get(shown)]).

main() ->
    put(shown, []),
    Names = [label, serial, send, 'receive', print, timestamp, monotonic_timestamp, foo],
    show([caught(fun() -> erlang:seq_trace_info(K) end) || K <- Names]),
    show(erlang:system_flag(sequential_tracer, false)),
    [] = seq_trace:get_token(),
    Set = [{K, V, caught(fun() -> erlang:seq_trace(K, V) end)}
           || {K, V} <- [{label, {x, 17}}, {serial, {1, 2}}, {send, true}, {'receive', true}, {print, true}, {timestamp, false}, {send, foo}, {serial, x},
                         {sequential_trace_token, foo}]],
    Info = [erlang:seq_trace_info(K) || K <- [label, serial, send, 'receive', print, timestamp]],
    {Flags, Label, Serial, Self, Last} = seq_trace:get_token(),
    true = Self =:= self(),
    show(Set), show(Info), show({Flags, Label, Serial, Last}),
    seq_trace:reset_trace(),
    Me = self(),
    Tracer = spawn(fun() -> collect([]) end),
    false = seq_trace:set_system_tracer(Tracer),
    P = spawn(fun() -> receive {From, X} -> From ! {got, X} end end),
    seq_trace:set_token({7, 18, 10, self(), 9}),
    P ! {self(), hello},
    Got = receive {got, _} = G -> G end,
    show(seq_trace:print(18, printed)),
    show(seq_trace:print(19, nothing)),
    {_, _, S2, _, L2} = seq_trace:get_token(),
    self() ! plain, receive plain -> ok end,
    {_, _, S3, _, L3} = seq_trace:get_token(),
    seq_trace:set_token([]),
    show({Got, S2, L2, S3, L3}),
    Tracer ! {get, self()},
    Events = receive {events, E} -> E end,
    Name = fun(Pid) when Pid =:= Me -> me; (Pid) when Pid =:= P -> p; (Other) -> Other end,
    show([{L, {What, Numbers, Name(From), Name(To), case M of {Me, X} -> {me, X}; _ -> M end}}
          || {seq_trace, L, {What, Numbers, From, To, M}} <- Events]),
    %% A message without a token takes it away.
    seq_trace:set_token(label, 1),
    receive _ -> ok after 0 -> ok end,
    show(seq_trace:get_token(label)),
    spawn(fun() -> seq_trace:set_token([]), Me ! free end),
    receive free -> ok end,
    show(seq_trace:get_token()),
    seq_trace:set_system_tracer(false),
    seq_trace:reset_trace(),
    lists:reverse(get(shown)).

collect(All) ->
    receive
        {get, From} -> From ! {events, lists:reverse(All)};
        X -> collect([X | All])
    end.
