%% A process inside a dirty native function is killed, asked about, linked and collected at once, and keeps what came meanwhile.
-module(dirty_signals).
-export([main/0]).

main() ->
    process_flag(trap_exit, true),
    [{killed, timed(fun killed/0)}, {asked, timed(fun asked/0)}, {linked, timed(fun linked/0)}, {collected, timed(fun collected/0)},
     {kept, kept()}, {flags, flags()}, {many, many()}].

%% Nothing here takes as long as the function does.
timed(F) ->
    T = erlang:monotonic_time(millisecond),
    R = F(),
    {R, erlang:monotonic_time(millisecond) - T < 2500}.

start(Ms) -> start(Ms, fun(_) -> ok end).
start(Ms, After) ->
    Me = self(),
    Pid = spawn(fun() ->
        put(key, {value, [1, 2, 3]}),
        Me ! ready,
        R = erts_debug:dirty_io(wait, Ms),
        After(R)
    end),
    receive ready -> ok end,
    timer:sleep(100),
    Pid.

killed() ->
    Pid = start(3000),
    register(some_name, Pid),
    Ref = monitor(process, Pid),
    link(Pid),
    exit(Pid, kill),
    A = receive {'DOWN', Ref, process, Pid, R} -> R end,
    B = receive {'EXIT', Pid, R2} -> R2 end,
    {A, B, is_process_alive(Pid), whereis(some_name), process_info(Pid), lists:member(Pid, processes())}.

asked() ->
    Pid = start(3000),
    Pid ! {hello, [a, b]},
    [{status, S}, {messages, M}, {dictionary, D}, {trap_exit, T}, {current_function, F}] =
        process_info(Pid, [status, messages, dictionary, trap_exit, current_function]),
    exit(Pid, kill),
    {S, M, D, T, F}.

linked() ->
    Pid = start(3000),
    Me = self(),
    Other = spawn(fun() -> link(Pid), Me ! linked, receive bang -> exit(bang) end end),
    receive linked -> ok end,
    Ref = monitor(process, Pid),
    L = process_info(Pid, links) =:= {links, [Other]},
    Other ! bang,
    {L, receive {'DOWN', Ref, _, _, R} -> R end}.

collected() ->
    Pid = start(3000),
    {status, S} = process_info(Pid, status),
    R = erlang:garbage_collect(Pid, [{async, x}]),
    exit(Pid, kill),
    {S, R}.

%% Messages, the dictionary, links, the group leader: all is there when it goes on.
kept() ->
    Me = self(),
    Pid = start(300, fun(R) ->
        Msgs = (fun Loop() -> receive M -> [M | Loop()] after 0 -> [] end end)(),
        Me ! {self(), R, Msgs, get(), group_leader() =:= Me, element(2, process_info(self(), trap_exit)), element(2, process_info(self(), links)) =:= [Me]},
        receive stop -> ok end
    end),
    [Pid ! {N, lists:seq(1, N)} || N <- [1, 2, 3]],
    link(Pid),
    group_leader(Me, Pid),
    receive {Pid, R, Msgs, Dict, Leader, Trap, Links} -> unlink(Pid), Pid ! stop, {R, Msgs, Dict, Leader, Trap, Links} end.

%% What it had set before is set afterwards.
flags() ->
    Me = self(),
    Pid = spawn(fun() ->
        process_flag(trap_exit, true),
        process_flag(priority, high),
        process_flag(message_queue_data, off_heap),
        Me ! ready,
        ok = erts_debug:dirty_io(wait, 200),
        Me ! {self(), element(2, process_info(self(), trap_exit)), element(2, process_info(self(), priority)), element(2, process_info(self(), message_queue_data)),
              receive X -> X after 0 -> none end}
    end),
    receive ready -> ok end,
    timer:sleep(50),
    exit(Pid, reason),
    receive {Pid, A, B, C, X} -> {A, B, C, X =:= {'EXIT', Me, reason}} end.

%% Half of them are killed while they are inside.
many() ->
    Pids = [spawn_monitor(fun() -> ok = erts_debug:dirty_cpu(wait, 5), exit({done, N}) end) || N <- lists:seq(1, 100)],
    [exit(P, kill) || {N, {P, _}} <- lists:enumerate(Pids), N rem 2 =:= 0],
    Ends = [receive {'DOWN', R, process, P, E} -> E end || {P, R} <- Pids],
    {length([killed || killed <- Ends]), length([N || {done, N} <- Ends])}.
