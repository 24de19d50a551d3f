%% Hibernating with terms on the heap, with messages waiting, with too many arguments; error/3 with options that are none.
-module(hibernate_limits).
-export([main/0, again/2]).

main() ->
    {P, M} = spawn_monitor(fun() -> again({state, make_ref()}, 5) end),
    [begin P ! {ping, self()}, receive pong -> ok end end || _ <- lists:seq(1, 5)],
    P ! wake,
    A0 = receive {'DOWN', M, process, P, R} -> R end,
    {Q, _} = spawn_monitor(fun() -> erlang:hibernate(?MODULE, again, [x, 1]) end),
    A1 = where(Q, 1000),
    exit(Q, kill),
    {'EXIT', {E, _}} = (catch erlang:hibernate(x, y, lists:duplicate(5122, z))),
    {'EXIT', {E3, [{?MODULE, main, A, _} | _]}} = (catch erlang:error(some, [arg], [{error_info, not_a_map}])),
    {'EXIT', {E4, _}} = (catch erlang:error(some, none, what)),
    [A0, A1, E, E3, A, E4].

where(Q, N) ->
    case process_info(Q, current_function) of
        {current_function, {erlang, hibernate, 3} = F} -> F;
        Other when N =:= 0 -> Other;
        _ -> timer:sleep(1), where(Q, N - 1)
    end.

again(State, 0) -> exit(element(1, State));
again(State, N) ->
    receive {ping, From} -> From ! pong end,
    (catch erlang:hibernate(?MODULE, again, [State, N - 1])).
