%% process_flag(save_calls, N) and process_info(P, last_calls): what is noted, of whom, in code that is loaded meanwhile too
-module(proc_save_calls).
-export([main/0, t/0, fw/1]).

main() ->
    process_flag(save_calls, 40),
    self() ! a,
    receive a -> ok end,
    receive x -> ok after 1 -> ok end,
    receive y -> ok after 0 -> ok end,
    erlang:send(self(), b),
    receive b -> ok end,
    erlang:send(self(), c, []),
    receive c -> ok end,
    _ = lists:map(fun(X) -> X + 1 end, [1, 2]),
    t(),
    proc_save_calls:t(),
    apply(proc_save_calls, fw, [1]),
    M = id(proc_save_calls),
    M:t(),
    F = fun proc_save_calls:fw/1,
    F(2),
    _ = id(length([1])),
    catch error(foo),
    spawn(fun() -> ok end),
    spawn(proc_save_calls, fw, [1]),
    put(a, 1),
    get(a),
    {_, L} = process_info(self(), last_calls),
    Fewer = process_flag(save_calls, 3),
    Empty = process_info(self(), last_calls),
    lists:reverse([1]),
    One = process_info(self(), last_calls),
    Flags = [catch_reason(fun() -> process_flag(save_calls, N) end) || N <- [-1, 10000, 10001, foo, 4, 0]],
    Off = process_info(self(), last_calls),
    [{L, Fewer, Empty, One, Flags, Off}, other(), process_info(self(), last_calls), loaded()].

other() ->
    Me = self(),
    Q = spawn(fun() ->
        process_flag(save_calls, 5),
        Me ! {self(), x},
        receive go -> ok end,
        lists:reverse([1]),
        Me ! done,
        receive z -> ok end
    end),
    receive {Q, x} -> ok end,
    A = process_info(Q, last_calls),
    Q ! go,
    receive done -> ok end,
    settled(Q),
    B = process_info(Q, last_calls),
    C = erlang:process_flag(Q, save_calls, 7),
    D = process_info(Q, last_calls),
    exit(Q, kill),
    {A, B, C, D}.

settled(P) ->
    case process_info(P, status) of
        {_, waiting} -> ok;
        _ -> erlang:yield(), settled(P)
    end.

%% A module that comes, is replaced and goes while calls are saved.
loaded() ->
    process_flag(save_calls, 100),
    load(1),
    sc_new:f(),
    load(2),
    sc_new:f(),
    sc_new:g(),
    code:purge(sc_new),
    code:delete(sc_new),
    catch sc_new:f(),
    {_, L} = process_info(self(), last_calls),
    process_flag(save_calls, 0),
    load(3),
    X = sc_new:f(),
    code:purge(sc_new),
    code:delete(sc_new),
    {X, [C || {sc_new, _, _} = C <- L]}.

load(N) ->
    Forms = [{attribute, 1, module, sc_new}, {attribute, 1, export, [{f, 0} | [{g, 0} || N > 1]]},
        {function, 1, f, 0, [{clause, 1, [], [], [{integer, 1, N}]}]}] ++
        [{function, 1, g, 0, [{clause, 1, [], [], [{call, 1, {remote, 1, {atom, 1, sc_new}, {atom, 1, f}}, []}]}]} || N > 1],
    {ok, sc_new, Bin} = compile:forms(Forms, []),
    code:purge(sc_new),
    {module, sc_new} = code:load_binary(sc_new, "sc_new", Bin).

t() -> ok.
id(X) -> X.
fw(X) -> X.
catch_reason(F) ->
    try F() catch _:R -> R end.
