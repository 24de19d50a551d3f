%% Who comes to a node from elsewhere: erl_call, remote shells, a node in C, hidden nodes, others' cookies. Each row has the answers of both nodes.
-module(doors).
-export([main/1, talk/2]).

%% The argument: the program that the other node runs on.
main([Erl]) ->
    Options = #{connection => standard_io, name => peer:random_name(other), exec => {Erl, []}, args => ["-kernel", "logger_level", "none", "-pa", filename:dirname(code:which(?MODULE))], wait_boot => 60000},
    {ok, Peer, N} = peer:start(Options),
    persistent_term:put(?MODULE, {Peer, Erl, c_node()}),
    [row(Name, fun() -> [F(X) || X <- [node(), N]] end) || {Name, F} <- table()],
    catch peer:stop(Peer),
    halt(0).

row(Name, F) ->
    {Pid, M} = spawn_monitor(fun() -> exit({answer, F()}) end),
    Answer = receive {'DOWN', M, process, Pid, {answer, A}} -> A; {'DOWN', M, process, Pid, Reason} -> {crashed, Reason} after 60000 -> stuck end,
    exit(Pid, kill),
    io:format("~ts:~n  ~tp~n", [Name, Answer]).

table() ->
    [{"erl_call -a", fun(N) -> call(N, "", ["'erlang node []'", "'lists seq [1,3]'", "'erlang atom_to_list [x]'", "'no such []'", "'erlang apply [erlang,atom_to_list,[1]]'"]) end},
     {"erl_call -e", fun(N) -> [mask(N, os:cmd("printf 'X = lists:seq(300,303), {ok, X, #{a => 1.5}}.\\n' | " ++ erl_call(N) ++ " -e"))] end},
     {"erl_call -m", fun(N) -> [mask(N, os:cmd("cd /tmp && printf -- '-module(doors_sent).\\n-export([f/0]).\\nf() -> {sent, 1}.\\n' | " ++ erl_call(N) ++ " -m -a 'doors_sent f []' 2>&1"))] end},
     {"erl_call with another cookie", fun(N) -> string:trim(os:cmd("erl_call " ++ name(N) ++ " -c wrong -a 'erlang node []' 2>/dev/null; echo $?")) end},
     {"remote shell", fun shell/1}, {"a node in C", fun in_c/1}, {"cookies", fun cookies/1}, {"nodes of no connection", fun strange/1}].

name(N) -> [Name, Host] = string:split(atom_to_list(N), "@"), case lists:member($., Host) of true -> "-n " ++ atom_to_list(N); false -> "-sname " ++ Name end.

erl_call(N) -> "erl_call " ++ name(N) ++ " -c " ++ atom_to_list(erlang:get_cookie()).

call(N, More, Calls) -> [mask(N, os:cmd(erl_call(N) ++ More ++ " -a " ++ C ++ " 2>/dev/null")) || C <- Calls].

mask(N, Text) -> lists:foldl(fun(From, T) -> lists:flatten(string:replace(T, From, "NODE", all)) end, string:trim(Text), ["'" ++ atom_to_list(N) ++ "'", atom_to_list(N)]).

%% A terminal of the other kind of node, with its shell here.
shell(N) ->
    {_, Erl, _} = persistent_term:get(?MODULE),
    Type = "(sleep 2; printf '{shell_at, node()}.\\r'; sleep 1; printf '1/0.\\r'; sleep 0.5; printf '{self() =/= x, 40 + 2}.\\r'; sleep 1; printf '\\a'; sleep 0.5; printf 'q\\r'; sleep 1)",
    Out = os:cmd(Type ++ " | TERM=xterm timeout 20 script -qec '" ++ Erl ++ " -sname doors_sh" ++ os:getpid() ++ " -setcookie " ++ atom_to_list(erlang:get_cookie()) ++ " -remsh " ++ atom_to_list(N) ++ "' /dev/null"),
    [string:find(mask(N, Out), T) =/= nomatch || T <- ["{shell_at,NODE}", "(NODE)1>", "arithmetic expression", "{true,42}", "User switch command"]].

%% It greets, gets messages by pid, is linked and monitored, and told of ends.
in_c(N) ->
    {_, _, Program} = persistent_term:get(?MODULE),
    Out = filename:rootname(Program) ++ ".txt",
    Answer = erpc:call(N, ?MODULE, talk, [Program, Out], 30000),
    timer:sleep(200),
    {ok, Heard} = file:read_file(Out),
    {Answer, string:split(string:trim(binary_to_list(Heard)), "\n", all)}.

talk(Program, Out) ->
    true = register(door, self()),
    process_flag(trap_exit, true),
    P = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Program ++ " " ++ atom_to_list(node()) ++ " " ++ atom_to_list(erlang:get_cookie()) ++ " > " ++ Out]}, exit_status]),
    From = receive {Pid, hello} -> Pid end,
    C = node(From),
    A = {lists:member(C, nodes(hidden)), lists:member(C, nodes())},
    From ! {to_pid, [1, 2.5, <<"b">>], self()},
    B = receive {From, {to_pid, L, _}} -> L end,
    {anyone, C} ! to_name,
    Ends = [spawn(fun() -> link(From), exit({bye, 1}) end), spawn(fun() -> exit(From, get_out) end), spawn(fun() -> register(watched, self()), receive {From, finish} -> exit(finished) end end)],
    receive {From, all_heard} -> ok end,
    M = monitor(process, From),
    link(From),
    From ! stop,
    D = [receive {'EXIT', From, R} -> R end, receive {'DOWN', M, process, From, R2} -> R2 end, receive {P, {exit_status, S}} -> S end],
    unregister(door),
    {A, B, length(Ends), D, lists:member(C, nodes(hidden))}.

c_node() ->
    Dir = filename:dirname(code:which(?MODULE)),
    [C, Program] = [filename:join(Dir, F) || F <- ["doors_c.c", "doors_c"]],
    ok = file:write_file(C, source()),
    Ei = code:lib_dir(erl_interface),
    "" = os:cmd("cc -w -D_REENTRANT -o " ++ Program ++ " " ++ C ++ " -I" ++ code:root_dir() ++ "/usr/include -I" ++ Ei ++ "/include -L" ++ code:root_dir() ++ "/usr/lib -L" ++ Ei ++ "/lib -lei -lpthread 2>&1"),
    Program.

source() ->
    "#include <ei.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
    "static ei_cnode ec; static int fd;\n"
    "static void say(const char* atom) { ei_x_buff x; ei_x_new_with_version(&x); ei_x_encode_tuple_header(&x, 2); ei_x_encode_pid(&x, ei_self(&ec)); ei_x_encode_atom(&x, atom);\n"
    "  ei_reg_send(&ec, fd, \"door\", x.buff, x.index); ei_x_free(&x); }\n"
    "int main(int argc, char** argv) { char name[64]; int got, more = 1, ends = 0; ei_x_buff x; erlang_msg m; setvbuf(stdout, 0, _IOLBF, 0);\n"
    "  ei_init(); snprintf(name, sizeof name, \"doors_c%d\", (int)getpid());\n"
    "  if (ei_connect_init(&ec, name, argv[2], 1) < 0) return 3; if ((fd = ei_connect(&ec, argv[1])) < 0) return 4;\n"
    "  say(\"hello\"); ei_x_new(&x);\n"
    "  while (more) { x.index = 0; got = ei_xreceive_msg_tmo(fd, &m, &x, 15000); if (got == ERL_TICK) continue; if (got == ERL_ERROR) { printf(\"error %d\\n\", erl_errno); return 5; }\n"
    "    int index = 0, version, arity; char atom[MAXATOMLEN] = \"\";\n"
    "    switch (m.msgtype) {\n"
    "    case ERL_SEND: ei_decode_version(x.buff, &index, &version);\n"
    "      if (ei_decode_tuple_header(x.buff, &index, &arity) == 0) { ei_x_buff r; ei_decode_atom(x.buff, &index, atom); printf(\"send of %d: %s\\n\", arity, atom);\n"
    "        ei_x_new_with_version(&r); ei_x_encode_tuple_header(&r, 2); ei_x_encode_pid(&r, ei_self(&ec)); ei_x_append_buf(&r, x.buff + 1, x.index - 1); ei_reg_send(&ec, fd, \"door\", r.buff, r.index); ei_x_free(&r); }\n"
    "      else { ei_decode_atom(x.buff, &index, atom); printf(\"send: %s\\n\", atom); if (!strcmp(atom, \"stop\")) more = 0; }\n"
    "      break;\n"
    "    case ERL_REG_SEND: ei_decode_version(x.buff, &index, &version); ei_decode_atom(x.buff, &index, atom); printf(\"to %s: %s\\n\", m.toname, atom); break;\n"
    "    case ERL_LINK: break;\n"
    "    case ERL_EXIT: case ERL_EXIT2: printf(\"%s\\n\", m.msgtype == ERL_EXIT ? \"exit\" : \"exit2\"); if (++ends == 2) say(\"all_heard\"); break;\n"
    "    case ERL_MONITOR_P: break;\n"
    "    default: printf(\"other %ld\\n\", m.msgtype); }\n"
    "  } close(fd); return 0; }\n".

%% For one node only, and back.
cookies(N) ->
    {Peer, _, _} = persistent_term:get(?MODULE),
    Mine = erlang:get_cookie(),
    Other = case N =:= node() of true -> peer:call(Peer, erlang, node, []); false -> N end,
    true = erlang:disconnect_node(Other),
    until(fun() -> peer:call(Peer, erlang, nodes, []) =:= [] end),
    true = erlang:set_cookie(Other, another),
    A = [net_adm:ping(Other), erlang:get_cookie() =:= Mine, erlang:get_cookie(Other)],
    true = peer:call(Peer, erlang, set_cookie, [node(), another]),
    B = net_adm:ping(Other),
    true = erlang:set_cookie(Other, Mine),
    peer:call(Peer, erlang, set_cookie, [node(), Mine]),
    C = [net_adm:ping(Other), nodes() =:= [Other]],
    {A, B, C}.

until(F) -> until(F, 200).
until(_, 0) -> no;
until(F, I) -> case F() of true -> yes; _ -> receive after 25 -> until(F, I - 1) end end.

%% Bytes that are no node's: the connection ends, the node stays.
strange(N) ->
    {port, Port, _} = erl_epmd:port_please(hd(string:split(atom_to_list(N), "@")), {127, 0, 0, 1}),
    Try = fun(Bytes) ->
                  {ok, S} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
                  ok = gen_tcp:send(S, Bytes),
                  case gen_tcp:recv(S, 0, 15000) of {error, E} -> E; {ok, _} -> answered end
          end,
    All = [<<"GET / HTTP/1.0\r\n\r\n">>, <<0, 3, "xyz">>, <<0, 0>>, <<255, 255, 1, 2, 3>>, <<0, 23, $N, 0:64, 0:32, 3:16, "a@b">>],
    Ms = [element(2, spawn_monitor(fun() -> exit(Try(Bytes)) end)) || Bytes <- All],
    {[receive {'DOWN', M, _, _, R} -> R end || M <- Ms], erpc:call(N, erlang, abs, [-1])}.
