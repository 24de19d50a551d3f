%% Hibernating with terms on the heap, with messages waiting, with too many arguments; error/3 with options that are none.
-module(hibernate_limits).
-export([main/0, again/2]).

main() ->
    {P, M} = spawn_monitor(fun() -> again({state, make_ref()}, 5) end),
    [begin P ! {ping, self()}, receive pong -> ok end end || _ <- lists:seq(1, 5)],
    P ! wake,
    receive {'DOWN', M, process, P, R} -> io:format("~p~n", [R]) end,
    {Q, _} = spawn_monitor(fun() -> erlang:hibernate(?MODULE, again, [x, 1]) end),
    where(Q, 1000),
    exit(Q, kill),
    {'EXIT', {E, _}} = (catch erlang:hibernate(x, y, lists:duplicate(5122, z))),
    io:format("~p~n", [E]),
    {'EXIT', {E3, [{?MODULE, main, A, _} | _]}} = (catch erlang:error(some, [arg], [{error_info, not_a_map}])),
    io:format("~p ~p~n", [E3, A]),
    {'EXIT', {E4, _}} = (catch erlang:error(some, none, what)),
    io:format("~p~n", [E4]).

where(Q, N) ->
    case process_info(Q, current_function) of
        {current_function, {erlang, hibernate, 3} = F} -> io:format("~p~n", [F]);
        Other when N =:= 0 -> io:format("~p~n", [Other]);
        _ -> timer:sleep(1), where(Q, N - 1)
    end.

again(State, 0) -> exit(element(1, State));
again(State, N) ->
    receive {ping, From} -> From ! pong end,
    (catch erlang:hibernate(?MODULE, again, [State, N - 1])).
