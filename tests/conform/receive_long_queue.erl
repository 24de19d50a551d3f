%% Calls beside a long queue, with lists built meanwhile: what waits in the queue is not walked by each collection. (timing)
-module(receive_long_queue).
-export([main/0]).
echo() -> receive {From, Ref} -> From ! {Ref, lists:seq(1, 20)}, echo() end.
call(Server) ->
    Ref = make_ref(), Server ! {self(), Ref},
    receive {Ref, L} -> length([{X} || X <- L]) end.
time(Server) -> {T, _} = timer:tc(fun() -> [call(Server) || _ <- lists:seq(1, 20000)] end), T.
main() ->
    process_flag(message_queue_data, off_heap),
    Server = spawn(fun echo/0),
    time(Server), Empty = time(Server),
    [self() ! {message, N} || N <- lists:seq(1, 300000)],
    Long = time(Server),
    Slow = [{Empty, Long} || Long > 15 * Empty],
    receive {message, 1} -> ok end,
    Left = erlang:process_info(self(), message_queue_len),
    exit(Server, kill),
    {Slow, Left}.
