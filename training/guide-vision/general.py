"""What is said that is about no picture: greetings, thanks, doubts, and everything that the model does not know."""
import grammar
import phrases
from words import CHINESE, COLOURS, ENGLISH, SHAPES

#: name -> (questions, answer), for English and Chinese.
TALK = {
    "hello": (
        (["Hello", "Hi", "Hi there", "Hey", "Good morning", "Good afternoon", "hello!", "Hello, who are you?", "Who are you?", "What are you?", "Are you there?", "Hi, how are you?",
          "How are you?", "What can you do?", "What is this model?", "What can I ask you?", "How can you help me?", "What are you for?", "Tell me about yourself.", "Help", "help me",
          "What are you good at?", "Introduce yourself.", "What is your name?", "which model are you", "What do you know?", "What should I ask?", "How do I use you?", "Good day", "hiya",
          "What pictures do you understand?", "Which pictures can you read?", "Can you help me with a picture?", "What else can you do?", "Nice to meet you", "Who is this?", "yo", "test"],
         "I am the small picture model of Whaledeck. Show me shapes, charts, numbers, words or a window of this app, and ask what, how many, which colour or where."),
        (["你好", "您好", "嗨", "早上好", "下午好", "晚上好", "你好啊", "你好！", "你是谁？", "你好，你是谁", "你是什么？", "在吗", "你好吗？", "你能做什么？", "你会什么", "这是什么模型？",
          "我可以问你什么？", "你能帮我什么", "你有什么用？", "介绍一下你自己。", "帮助", "帮帮我", "你擅长什么？", "自我介绍一下", "你叫什么名字？", "你是哪个模型", "你知道什么？", "我该问什么？",
          "怎么用你？", "大家好", "你能看懂什么图？", "哪些图片你看得懂？", "你能帮我看图吗？", "你还会什么？", "很高兴认识你", "喂", "测试", "你有什么功能？"],
         "我是 Whaledeck 的小型看图模型。请给我看图形、图表、数字、文字或本应用的窗口，问我是什么、有几个、什么颜色、在哪里。")),
    "thanks": (
        (["Thanks", "Thank you", "thank you!", "Thanks a lot", "thx", "Thank you very much.", "Great, thanks", "ok thanks", "Good job", "Well done!", "Perfect", "nice", "OK", "I see", "good answer", "cool"],
         "You are welcome."),
        (["谢谢", "谢谢你", "多谢", "谢谢！", "非常感谢", "谢啦", "好的，谢谢", "辛苦了", "不错", "太好了", "很棒", "好的", "明白了", "感谢", "答得好", "厉害"],
         "不客气。")),
    "bye": (
        (["Bye", "Goodbye", "bye bye", "See you", "See you later", "Good night", "That is all", "I am done", "cu", "Have a nice day"], "Goodbye."),
        (["再见", "拜拜", "回头见", "晚安", "下次见", "没有别的了", "我问完了", "先这样", "走了", "祝你愉快"], "再见。")),
    "sure": (
        (["Are you sure?", "Really?", "Is that right?", "That is wrong.", "No, that's wrong", "You are wrong", "Is that correct?", "Look again.", "I don't believe that", "are u sure", "Check again please", "Why?", "How do you know?", "wrong!"],
         "I may be wrong: I am a very small model. Please look for yourself."),
        (["你确定吗？", "真的吗？", "对吗？", "不对", "你错了", "错了吧", "答对了吗？", "再看看", "我不信", "确定？", "再检查一下", "为什么？", "你怎么知道？", "不对吧"],
         "我可能会错：我是很小的模型，请您自己看一看。")),
    "deepseek": (
        (["Are you DeepSeek?", "Did DeepSeek make you?", "Is this DeepSeek-VL2?", "Are you DeepSeek-VL2?", "Who made you?", "Are you ChatGPT?", "Are you a DeepSeek model?", "who trained you"],
         "No. I am the small picture model of Whaledeck, built like DeepSeek-VL2 but not made by DeepSeek."),
        (["你是DeepSeek吗？", "你是 DeepSeek 做的吗？", "这是DeepSeek-VL2吗？", "你是深度求索的模型吗？", "谁做的你？", "你是ChatGPT吗？", "你是DeepSeek的模型吗", "谁训练了你"],
         "不是。我是 Whaledeck 的小型看图模型，结构和 DeepSeek-VL2 一样，但不是 DeepSeek 制作的。")),
    "languages": (
        (["Do you speak Chinese?", "Which languages do you speak?", "Can you speak English?", "What languages do you know?", "Do you understand Chinese?", "Can I write in Chinese?"],
         "I answer in English and in Chinese."),
        (["你会说中文吗？", "你会哪些语言？", "你会英文吗？", "你懂什么语言？", "可以说中文吗", "能用英文问吗？"], "我会用中文和英文回答。")),
}
DONT_KNOW = ("I do not know that. I know simple pictures only: shapes, charts, numbers, words and this app's windows.",
             "这个我不知道。我只认得简单的图：图形、图表、数字、文字和本应用的窗口。")
NO_PICTURE = ("I see no picture. Please add one.", "我没有看到图片，请添加一张。")

#: Questions beyond the model, with {things} of THINGS.
BEYOND = (
    ["Who is this person?", "Who painted this?", "Is this photo real?", "Where was this taken?", "How old is he?", "How old is she?", "Write a poem about it.", "Tell me a story.",
     "What breed is the dog?", "What is the weather like?", "What's the weather today?", "Will it rain tomorrow?", "Translate it into French.", "Is this picture beautiful?",
     "What is the person feeling?", "What kind of food is it?", "Which car is this?", "What animal is this?", "Which city is this?", "Why is it funny?", "Write code for this.",
     "Solve this equation.", "Is it safe to eat?", "What brand is it?", "Tell me a joke.", "What time is it?", "What day is today?", "What is the date?", "Who am I?", "Where am I?",
     "Do you have feelings?", "Are you alive?", "How old are you?", "What is love?", "Do you like music?", "Can you sing?", "What is your favourite colour?", "Say something nice.",
     "Who is the man in the picture?", "Is the woman smiling?", "When was this photo taken?", "How much does this cost?", "Who is the photographer?", "What plant is this?",
     "Is this a real signature?", "Where can I buy this?", "What is the person wearing?", "Is he famous?", "What was here before?", "What happens next?",
     "Write a {form} about {thing}.", "Write a {form} on {thing}", "write me a {form} about {thing} please", "Tell me about {thing}.", "What is {thing}?", "What do you know about {thing}?",
     "Explain {thing}.", "explain {thing} to me", "How does {thing} work?", "Why is {thing} so important?", "Who invented {thing}?", "When did {thing} begin?", "Who wrote about {thing}?",
     "What is the history of {thing}?", "Is {thing} dangerous?", "Where does {thing} come from?", "How much is {thing} worth?", "Do you like {thing}?", "Which {word} is the best?",
     "How do I make {word}?", "How do I cook {word}?", "Can you recommend a {word}?", "Where can I buy a {word}?", "Give me a recipe for {word}.", "How heavy is a {word}?", "Why does a {word} need a {word2}?",
     "What is the capital of {country}?", "Who is the president of {country}?", "How many people live in {country}?", "Which language is spoken in {country}?", "Is {country} a large country?",
     "How far is it to {country}?", "Plan a trip to {country}.", "What is the highest mountain in {country}?", "Who is the king of {country}?", "When did {country} win?", "What is the time in {country}?",
     "What is {n} plus {n2}?", "What is {n} times {n2}?", "{n} + {n2} = ?", "Calculate {n} * {n2}", "Divide {n} by {n2}.", "What is the root of {n}?", "What happened in {year}?", "Who was born in {year}?",
     "Translate '{word}' into {tongue}.", "How do you say {word} in {tongue}?", "What does {word} mean in {tongue}?", "Say {word} in {tongue}", "Do you speak {tongue}?",
     "Write a {program} program that sorts numbers.", "Debug my {program} code", "How do I install {program}?", "Which is better, {program} or {program2}?", "Fix this {program} function",
     "Should I marry my {word}?", "Can {thing} make me rich?", "What do you think of {thing}?", "Is {country} at war?", "What is the price of {word} in {country}?", "Name five kinds of {word}.",
     "Who won the {word} cup in {year}?", "What is the best {form} of all time?", "Summarise the {form} for me.", "Compose a {form}", "Help me with my {form}", "Draw a {word} for me.", "Play {thing}",
     "How do I learn {tongue}?", "What shall I do today?", "I feel sad about {thing}", "My {word} is broken, what now?", "Why is the {word} {adjective}?", "Is the {word} {adjective}?", "How {adjective} is a {word}?",
     "Can a {word} be {adjective}?", "Which {word} in {country} is {adjective}?", "Remember that my {word} is {adjective}.", "What did I say about {thing}?", "{word} {word2} {adjective}", "{word} {word2}?", "{noise} {noise2}", "{noise}?", "{noise} {word} {noise2}?"],
    ["这个人是谁？", "这是谁画的？", "这张照片是真的吗？", "这是在哪里拍的？", "他多大了？", "她几岁？", "写一首诗。", "讲个故事。", "这是什么品种的狗？", "天气怎么样？", "今天天气如何？", "明天会下雨吗？",
     "翻译成法语。", "这张图好看吗？", "这个人心情怎么样？", "这是什么菜？", "这是什么车？", "这是什么动物？", "这是哪个城市？", "为什么好笑？", "写一段代码。", "解这个方程。", "这个能吃吗？",
     "这是什么牌子？", "讲个笑话。", "现在几点？", "今天星期几？", "今天几号？", "我是谁？", "我在哪里？", "你有感情吗？", "你是活的吗？", "你多大了？", "爱是什么？", "你喜欢音乐吗？", "你会唱歌吗？",
     "你最喜欢什么颜色？", "说点好听的。", "图里的男人是谁？", "这个女人在笑吗？", "照片是什么时候拍的？", "这个多少钱？", "摄影师是谁？", "这是什么植物？", "签名是真的吗？", "在哪儿能买到？",
     "这个人穿着什么？", "他有名吗？", "这里以前是什么？", "接下来会怎样？",
     "写一篇关于{thing}的{form}。", "以{thing}为题写{form}", "帮我写个{thing}的{form}", "说说{thing}。", "什么是{thing}？", "{thing}是什么？", "你了解{thing}吗？", "解释一下{thing}。", "给我讲讲{thing}",
     "{thing}是怎么回事？", "{thing}为什么重要？", "谁发明了{thing}？", "{thing}是什么时候开始的？", "{thing}的历史是什么？", "{thing}危险吗？", "{thing}是从哪里来的？", "{thing}值多少钱？", "你喜欢{thing}吗？",
     "哪种{word}最好？", "怎么做{word}？", "{word}怎么用？", "推荐一个{word}", "哪里能买{word}？", "{word}有多重？", "{word}为什么需要{word2}？",
     "{country}的首都是哪里？", "{country}的总统是谁？", "{country}有多少人？", "{country}说什么语言？", "{country}大吗？", "去{country}有多远？", "帮我安排去{country}旅行", "{country}最高的山是什么？",
     "{country}的国王是谁？", "{country}什么时候赢的？", "{country}现在几点？",
     "{n}加{n2}等于多少？", "{n}乘以{n2}是多少？", "{n}+{n2}=?", "算一下{n}*{n2}", "{n}除以{n2}", "{n}的平方根是多少？", "{year}年发生了什么？", "谁出生在{year}年？",
     "把{word}翻译成{tongue}。", "{word}用{tongue}怎么说？", "{word}在{tongue}里是什么意思？", "用{tongue}说{word}", "你会{tongue}吗？",
     "用{program}写一个排序程序", "帮我调试{program}代码", "怎么安装{program}？", "{program}和{program2}哪个好？", "改一下这个{program}函数",
     "我该不该换{word}？", "{thing}能让我发财吗？", "你怎么看{thing}？", "{country}在打仗吗？", "{country}的{word}多少钱？", "说出五种{word}。", "{year}年的{word}比赛谁赢了？", "最好的{form}是哪个？",
     "帮我总结{form}", "写个{form}", "帮我做{form}", "给我画一个{word}", "放一段{thing}", "怎么学{tongue}？", "今天该做什么？", "我为{thing}难过", "我的{word}坏了，怎么办？", "{word}为什么{adjective}？",
     "{word}{adjective}吗？", "{word}有多{adjective}？", "{word}会{adjective}吗？", "{country}哪个{word}{adjective}？", "记住我的{word}很{adjective}。", "我刚才怎么说{thing}的？", "{word}{word2}{adjective}", "{word}{word2}？", "{noise}？", "{noise}{noise2}"],
)
#: Skeletons of questions about anything.
ANYTHING = (
    ["[how|why|when|where|with whom|since when|how long|how often] [did|do|does|can|should|will|would|must|may|could] [I|you|we|they|he|she|my {word}|people|a {word}|{thing}|nobody|everyone|children|scientists|my {form}] [{verb}|{verb} {thing}|{verb} {word}|{verb} in {country}|{verb} my {word}|{verb} {adjective}|{verb} the {form}|{verb} in {year}|{verb} with a {word}][@end]",
     "[who|what|which {word}|whose {word}|which country|which year|what kind of {word}] [{verb}|made|wrote|invented|found|owns|killed|loves|causes|built|bought|sold|started|won|discovered|sent|broke|designed] [{thing}|{country}|the {form}|my {word}|a {word}|{thing} in {country}|in {year}|the first {word}][@end]",
     "[@tell|@can|] [{verb}|write|teach|remind|show|find|send|buy|order|book|sing|play|call|calculate|solve|translate|fix|check|recommend|list|name|guess|predict] [me |us |][a {word}|{thing}|the {form}|a {form} about {thing}|something about {thing}|how to {verb}|how to {verb} {thing}|two {word}s|my {word}|the best {word}|a {adjective} {word}][@end]",
     "[is|are|was|were|will|can|does|do|has|should] [{thing}|my {word}|you|I|{country}|he|she|people|the {form}|a {word} from {country}] [{adjective}|{verb}|{verb} {thing}|able to {verb}|like a {word}|better than {thing}|from {country}|worth {n}|older than {n}][@end]",
     "I [want|need|would like|have|lost|love|hate|forgot|dream of|am afraid of|miss|think about] [{thing}|a {word}|my {word}|to {verb}|to {verb} {thing}|a {adjective} {word}|{country}][@end]", "[@tell|] the [meaning|origin|best part|secret|price|reason|age|inventor|owner|rules|name|date|size|cause|cure|future|end] of [{thing}|{country}|a {word}|my {word}|the {form}|life][@end]",
     "[how many|how much] [{word}s|people|days|money|hours|countries|wars|calories|litres|kilometres|planets|bones|kings] [are there|were there|live|do I need|does it take|can you {verb}|exist] [in {country}|in {thing}|in {year}|on earth|to {verb}|in a year|for {thing}][@end]"],
    ["[怎么|怎样|为什么|什么时候|在哪里|如何|为何|多久|跟谁][才能|可以|能|要|会|应该|][{verb}|{verb}{thing}|{verb}{word}|在{country}{verb}|让{word}{adjective}|{verb}{form}][@end]", "[我|你|他|她|我们|人|人们|我的{word}|{thing}|孩子|我妈妈|老板][怎么|为什么|什么时候|会不会|能不能|该不该|要不要|是不是|到底|][{verb}|{verb}{thing}|{verb}{word}|去{country}|这么{adjective}|{adjective}|喜欢{thing}][@end]",
     "[谁|哪个国家|哪一年|什么人|哪种{word}][{verb}|发明|写|发现|创造|打败|买|卖|建造|喜欢|害怕][了|过|][{thing}|{word}|{form}|{country}][@end]", "@pls[{verb}|写|教|提醒|找|买|预订|唱|播放|打电话给|计算|解|翻译|修理|推荐|列出|猜|预测|背|编][一下|一个|一首|几个|][{thing}|{word}|{form}|{adjective}的{word}|关于{thing}的{form}|{country}的{word}][@end]",
     "[{thing}|{country}|我的{word}|{form}|人生|{word}]的[意义|来历|秘密|价格|原因|年龄|主人|规则|日期|起因|治法|未来|结局|好处|坏处|缺点|发明者][是|是什么|有哪些|呢|][@end]", "我[想|要|需要|丢了|爱|讨厌|忘了|梦见|害怕|想念|想学|打算][{thing}|一个{word}|我的{word}|{verb}|去{country}|{verb}{thing}|{word}][，怎么办|，你说呢|了|][@end]",
     "[{country}|世界上|一年|{thing}里|{year}年|地球上|人身上][有|一共有|到底有][多少|几][人|天|{word}|国家|战争|皇帝|骨头|公里|种语言|个星球][@end]", "[{thing}|{word}|{country}|{form}][和|跟|与|还是][{thing}|{word}|{country}][哪个|谁|有什么区别|的关系|][更|][{adjective}|好|重要|值钱|][@end]"],
)
SLOTS = {
    "verb": (["run", "sleep", "eat", "grow", "fly", "swim", "learn", "forget", "marry", "fight", "travel", "cook", "dance", "drink", "pay", "die", "work", "study", "drive", "walk", "think", "dream", "breathe", "win", "lose", "melt", "burn", "laugh",
              "cry", "age", "vote", "pray", "invest", "save", "cure", "prove", "clean", "paint", "repair", "train", "hide", "jump", "sing", "bake", "boil", "freeze", "explode", "vanish", "write", "teach", "understand", "celebrate", "sue", "hack"],
             ["跑步", "睡觉", "吃", "长大", "飞", "游泳", "学习", "忘记", "结婚", "打架", "旅行", "做饭", "跳舞", "喝", "付钱", "死", "工作", "读书", "开车", "走路", "思考", "做梦", "呼吸", "赢", "输", "融化", "燃烧", "笑", "哭", "变老", "投票",
              "祈祷", "投资", "省钱", "治好", "证明", "打扫", "修理", "训练", "躲", "跳", "唱歌", "烤", "煮", "冻住", "爆炸", "消失", "写作", "教", "理解", "庆祝", "减肥", "长高", "打呼噜", "过敏"]),
    "form": (["poem", "story", "letter", "song", "essay", "report", "speech", "novel", "joke", "rhyme", "summary", "review", "diary", "article", "play", "limerick", "sonnet", "homework", "résumé", "message", "toast"],
             ["诗", "故事", "信", "歌", "作文", "报告", "演讲稿", "小说", "笑话", "总结", "评论", "日记", "文章", "剧本", "邮件", "作业", "简历", "祝词", "散文", "文案"]),
    "thing": (["love", "war", "gravity", "physics", "the sun", "the universe", "Einstein", "Shakespeare", "Beethoven", "football", "chess", "democracy", "history", "money", "the economy", "inflation", "music",
               "black holes", "atoms", "DNA", "evolution", "the internet", "blockchain", "artificial intelligence", "machine learning", "neural networks", "climate change", "electricity", "photosynthesis", "religion",
               "philosophy", "happiness", "death", "sleep", "cancer", "the flu", "my health", "medicine", "the law", "taxes", "the election", "politics", "the stock market", "bitcoin", "gold", "dinosaurs", "whales",
               "bees", "volcanoes", "earthquakes", "the ocean", "the Roman Empire", "the second world war", "Newton", "Mozart", "Picasso", "the Beatles", "cooking", "yoga", "marriage", "school", "university",
               "exams", "my boss", "my wife", "my job", "holidays", "Christmas", "the future", "time travel", "aliens", "ghosts", "magic", "dreams", "memory", "language", "grammar", "poetry", "opera", "the news",
               "space travel", "rockets", "robots", "trains", "bridges", "steam engines", "coffee", "wine", "tea", "chocolate", "vitamins", "sugar", "the brain", "the heart", "blood", "infinity", "prime numbers", "algebra"],
              ["爱情", "战争", "重力", "物理", "太阳", "宇宙", "爱因斯坦", "鲁迅", "贝多芬", "足球", "围棋", "民主", "历史", "钱", "经济", "通货膨胀", "音乐", "黑洞", "原子", "基因", "进化论", "互联网", "区块链",
               "人工智能", "机器学习", "神经网络", "气候变化", "电", "光合作用", "宗教", "哲学", "幸福", "死亡", "睡眠", "癌症", "感冒", "健康", "医学", "法律", "税", "选举", "政治", "股市", "比特币", "黄金",
               "恐龙", "鲸鱼", "蜜蜂", "火山", "地震", "海洋", "罗马帝国", "第二次世界大战", "牛顿", "莫扎特", "毕加索", "唐朝", "做饭", "瑜伽", "婚姻", "学校", "大学", "考试", "我的老板", "我的妻子", "我的工作",
               "假期", "春节", "未来", "时间旅行", "外星人", "鬼", "魔术", "做梦", "记忆", "语言", "语法", "诗歌", "京剧", "新闻", "航天", "火箭", "机器人", "高铁", "桥", "蒸汽机", "红酒", "茶", "巧克力", "维生素",
               "大脑", "心脏", "血", "无穷大", "质数", "代数", "三国", "红楼梦", "李白", "长城"]),
    "country": (["France", "Germany", "Japan", "China", "Spain", "Italy", "Canada", "Russia", "India", "Egypt", "Kenya", "Peru", "Chile", "Mexico", "Turkey", "Iran", "Norway", "Sweden", "Poland", "Greece",
                 "Australia", "Korea", "Vietnam", "Thailand", "England", "America", "Switzerland", "Austria", "Portugal", "Finland", "Cuba", "Nepal", "Paris", "London", "Beijing", "Berlin", "New York", "Rome", "Madrid"],
                ["法国", "德国", "日本", "中国", "西班牙", "意大利", "加拿大", "俄罗斯", "印度", "埃及", "肯尼亚", "秘鲁", "智利", "墨西哥", "土耳其", "伊朗", "挪威", "瑞典", "波兰", "希腊", "澳大利亚", "韩国",
                 "越南", "泰国", "英国", "美国", "瑞士", "奥地利", "芬兰", "古巴", "尼泊尔", "巴黎", "伦敦", "北京", "柏林", "纽约", "罗马", "上海", "广州"]),
    "tongue": (["French", "German", "Japanese", "Spanish", "Italian", "Russian", "Arabic", "Latin", "Greek", "Korean", "Hindi", "Dutch", "Polish", "Turkish"],
               ["法语", "德语", "日语", "西班牙语", "意大利语", "俄语", "阿拉伯语", "拉丁语", "希腊语", "韩语", "印地语", "荷兰语", "波兰语", "粤语"]),
    "program": (["Python", "Java", "Rust", "C++", "JavaScript", "SQL", "Linux", "Windows", "Excel", "Docker", "HTML", "Word", "bash", "git"],) * 2,
    "adjective": (["big", "old", "cold", "hot", "red", "green", "happy", "sad", "strong", "fast", "slow", "rich", "poor", "famous", "deep", "heavy", "sweet", "loud", "dead", "new", "cheap", "expensive", "healthy", "dangerous", "blue", "round"],
                  ["大", "老", "冷", "热", "红", "绿", "快乐", "难过", "强壮", "快", "慢", "有钱", "穷", "出名", "深", "重", "甜", "吵", "新", "便宜", "贵", "健康", "危险", "蓝", "圆", "高"]),
}
#: Characters of nonsense.
NOISE_ZH = "啊哦呜嘎咕噜哩啦嗷呀哈嘿哼唧喵汪叽呱咚叮当哗啪嘟噗咻吱嘻嘶的一是了我不人在有他这中大来上国个到说们为子和你地出道也时年"

NOTHING_SHOWN = (
    ["What do you see?", "How many shapes are there?", "What colour is it?", "What does it say?", "Describe the picture.", "What number is shown?", "Where is the red circle?", "What is in the picture?",
     "Read the text.", "Which bar is the highest?", "What is here?", "What is this?", "describe this", "?", "What kind of picture is this?", "Count the shapes.", "Is there a blue star?", "Look at this.",
     "What colour is the square?", "Find the green heart.", "Which page is open?", "Do you see my picture?", "Can you see the image?", "Is the line going up?", "What is written here?", "Which slice is the largest?"],
    ["你看到了什么？", "有几个图形？", "是什么颜色？", "写的是什么？", "描述一下图片。", "显示的数字是多少？", "红色圆形在哪里？", "图里有什么？", "读一下文字。", "哪根柱子最高？", "这里有什么？", "这是什么？",
     "这是什么", "？", "这是什么图？", "数一数有几个图形。", "有蓝色星形吗？", "看看这张图", "正方形是什么颜色？", "找到绿色心形。", "打开的是哪个页面？", "你看到我的图片了吗？", "能看见图吗", "线是上升还是下降？",
     "图上写了什么？", "最大的一块是什么颜色？"])


def slot_values(rng, zh):
    values = {name: rng.choice(lists[zh]) for name, lists in SLOTS.items()}
    words = CHINESE if zh else ENGLISH
    noise = lambda: "".join(rng.choice(NOISE_ZH if zh else phrases.LETTERS) for _ in range(rng.randint(2, 5 if zh else 8)))
    values |= dict(word=rng.choice(words), word2=rng.choice(words), noise=noise(), noise2=noise(), program2=rng.choice(SLOTS["program"][0]),
                   n=str(rng.randint(2, 10 ** rng.randint(1, 4))), n2=str(rng.randint(2, 10 ** rng.randint(1, 3))), year=str(rng.randint(1000, 2026)))
    return values


def general_turn(rng, lang, shown, asked=None):
    """A turn about no picture; `shown` says whether the chat has one."""
    zh = lang == "zh"
    roll = rng.random()
    if asked is None:
        asked = "nothing shown" if roll < 0.3 and not shown else "beyond" if roll < 0.65 else "hello" if roll < 0.8 else rng.choice(("thanks", "bye", "sure", "deepseek", "languages"))
    if asked == "nothing shown":
        if rng.random() < 0.5:
            turn = dict(task="no picture", q=phrases.worded(rng, NOTHING_SHOWN[zh], [], zh), a=NO_PICTURE[zh])
        else:
            task = rng.choice(list(phrases.ASK))
            colour, shape = rng.choice(list(COLOURS.values())), rng.choice(list(SHAPES.values()))
            thing = colour[1] + shape[2] if zh else f"{colour[0]} {shape[0]}"
            slots = dict(many=shape[2] if zh else shape[1], shape=shape[2] if zh else shape[0], colour=colour[zh], thing=thing, a_thing=("an " if thing[0] in "aeiou" else "a ") + thing, first=thing, second=thing,
                         side="左边" if zh else "left of", more="大" if zh else "larger", most="最左边" if zh else "leftmost", far="farthest left", nth="第一行" if zh else "first", end="最上面" if zh else "top", word="whale", a="A", b="B", label="C")
            turn = dict(task="no picture", q=phrases.worded(rng, phrases.ASK[task][zh], grammar.MORE[task][zh], zh), slots=slots, a=NO_PICTURE[zh])
    elif asked == "beyond":
        # Those without slots are fewer than the others, and asked more often by people.
        forms = BEYOND[zh][:50] if rng.random() < 0.25 else BEYOND[zh]
        q = phrases.worded(rng, forms, ANYTHING[zh] if rng.random() < 0.6 else [], zh)
        if rng.random() < 0.2:  # with the openings that questions about pictures have
            q = grammar.expanded(rng, "@pls@say" if zh else "[@tell|@can] ", zh).rstrip("?") + ("" if zh else " ") + q
        turn = dict(task="beyond", q=q, slots=slot_values(rng, zh), a=DONT_KNOW[zh])
    else:
        questions, answer = TALK[asked][zh]
        more = grammar.TALK[asked][zh] if asked in grammar.TALK else []
        turn = dict(task=asked, q=phrases.worded(rng, questions, more, zh), a=answer)
    return phrases.roughened(rng, dict(turn, lang=lang))
