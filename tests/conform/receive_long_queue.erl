%% Calls by reference beside a long queue, of which one message was looked at, take about as long as without it. (timing)
-module(receive_long_queue).
-export([main/0]).
echo() -> receive {From, Ref} -> From ! {Ref, lists:seq(1, 300)}, echo() end.
call(Server) ->
    Ref = make_ref(), Server ! {self(), Ref},
    receive {Ref, L} -> length([{X} || X <- L]) end.
calls(_, 0) -> ok;
calls(Server, N) -> call(Server), calls(Server, N - 1).
time(Server) -> {T, _} = timer:tc(fun() -> calls(Server, 3000) end), T.
fill(0) -> ok;
fill(N) -> self() ! {message, N}, fill(N - 1).
main() ->
    process_flag(message_queue_data, off_heap),
    Server = spawn(fun echo/0),
    time(Server), Empty = time(Server),
    fill(300000),
    receive nothing -> ok after 0 -> ok end,
    Long = time(Server),
    Slow = [{Empty, Long} || Long > 15 * Empty],
    receive {message, 7} -> ok end,
    Left = erlang:process_info(self(), message_queue_len),
    exit(Server, kill),
    {Slow, Left}.
