%% An exception inside a receive, timers of processes that end, loading many modules at once, spawn requests with wrong options.
-module(receive_error).
-export([main/0]).

t(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.

main() ->
    [receives(), timers(), loading(), requests(), classes()].

receives() ->
    self() ! init,
    A = t(fun() -> receive blipp -> ok after id(blupp) -> ok end end),
    R = make_ref(), self() ! R,
    B = receive init -> init after 0 -> lost end,
    C = receive R -> ref after 0 -> lost end,
    {A, B, C}.

timers() ->
    P = spawn(fun() -> receive stop -> ok end end),
    T = erlang:start_timer(100000, P, x), N = erlang:send_after(100000, receive_error_nobody, x),
    A = is_integer(erlang:read_timer(T)),
    M = monitor(process, P), P ! stop, receive {'DOWN', M, _, _, _} -> ok end, timer:sleep(20),
    D = erlang:start_timer(100000, P, x),
    {A, erlang:read_timer(T), erlang:cancel_timer(D), is_integer(erlang:cancel_timer(N))}.

forms(M, Extra) -> {ok, M, B} = compile:forms([{attribute, 1, module, M} | Extra]), erlang:prepare_loading(M, B).

loading() ->
    On = [{attribute, 1, on_load, {f, 0}}, {function, 1, f, 0, [{clause, 1, [], [], [{atom, 1, ok}]}]}],
    [A, B] = [forms(M, []) || M <- [receive_error_a, receive_error_b]],
    [C, D] = [forms(M, On) || M <- [receive_error_c, receive_error_d]],
    {Dup, Which} = erlang:finish_loading([A, B, A, B]),
    {Dup, lists:sort(Which), t(fun() -> erlang:finish_loading([C, D]) end), t(fun() -> erlang:finish_loading([A, C]) end), erlang:finish_loading([A, B])}.

requests() ->
    F = fun() -> ok end,
    R1 = spawn_request(F, [monitors, {reply_tag, {my, tag}}]), R2 = spawn_request(F, [links, {reply, no}, {reply_tag, never}]),
    {receive {{my, tag}, R1, error, W} -> W after 1000 -> none end, receive {never, R2, _, _} -> answered after 50 -> none end}.

classes() ->
    try
        try
            try throw(arne) catch throw:R:S -> erlang:raise(error, R, S) end
        after ok
        end
    catch C:V -> {C, V}
    end.
