%% Only a message wakes a hibernating process, and it says where it is.
-module(hibernating).
-export([main/0, wake/1]).
main() ->
    Me = self(),
    P = spawn(fun() -> erlang:hibernate(?MODULE, wake, [Me]) end),
    at(P, 100),
    {dictionary, []} = process_info(P, dictionary),
    garbage_collect(P),
    R = make_ref(),
    {P, M} = spawn_monitored(P),
    unlink(P),
    A = process_info(P, [current_function, current_location, status, message_queue_len]),
    B = receive {woke, _} = W -> W after 50 -> asleep end,
    P ! {hello, R},
    C = receive {woke, {hello, R}} -> woke after 1000 -> asleep end,
    D = receive {'DOWN', M, process, P, Reason} -> Reason end,
    [A, B, C, D].
spawn_monitored(P) -> {P, monitor(process, P)}.
at(_, 0) -> late;
at(P, N) ->
    case process_info(P, current_function) of
        {_, {erlang, hibernate, 3}} -> ok;
        _ -> receive after 10 -> at(P, N - 1) end
    end.
wake(To) -> To ! {woke, receive X -> X after 0 -> nothing end}.
