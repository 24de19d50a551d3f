%% Of a sensitive process nothing is told: collections, tokens that it sends or gets (timing).
-module(sensitive_traces).
-export([main/0]).
tracer() -> spawn(fun() -> receive after infinity -> ok end end).
got(T) -> receive after 100 -> ok end, element(2, process_info(T, messages)).
main() ->
    Self = self(), T = tracer(), process_flag(sensitive, true),
    1 = erlang:trace(Self, true, [garbage_collection, {tracer, T}]), erlang:garbage_collect(), erlang:garbage_collect(),
    process_flag(sensitive, false), erlang:garbage_collect(), 1 = erlang:trace(Self, false, [garbage_collection, {tracer, T}]),
    [{A, seq(S)} || {A, S} <- [{gc, [X || {trace, _, X, _} <- got(T)]}, {plain, run(false)}, {sensitive, run(true)}]].
seq(L) -> [case X of {seq_trace, 17, {W, _, _, _, M}} -> {W, setelement(1, M, tag)}; _ -> X end || X <- L].
run(Sensitive) ->
    T = tracer(), seq_trace:set_system_tracer(T), process_flag(sensitive, Sensitive), S = self(),
    E = spawn(fun() -> receive {P, X} -> P ! {reply, X} end end),
    seq_trace:set_token(label, 17), seq_trace:set_token(send, true), seq_trace:set_token('receive', true),
    E ! {S, hello}, receive {reply, _} -> ok end, seq_trace:set_token([]), process_flag(sensitive, false), R = got(T), seq_trace:set_system_tracer(false),
    [setelement(3, X, setelement(5, element(3, X), case element(5, element(3, X)) of {Q, Y} when is_pid(Q) -> {pid, Y}; Z -> Z end)) || X <- R].
