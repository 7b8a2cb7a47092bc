"""What pictures show and how they are spoken of, in both languages: colours, shapes, places, the words that are printed."""

#: name -> (English, Chinese, middle of the colour)
COLOURS = {
    "red": ("red", "红色", (218, 38, 38)), "green": ("green", "绿色", (36, 152, 62)),
    "blue": ("blue", "蓝色", (36, 80, 214)), "yellow": ("yellow", "黄色", (246, 216, 36)),
    "orange": ("orange", "橙色", (245, 134, 24)), "purple": ("purple", "紫色", (132, 52, 172)),
    "pink": ("pink", "粉色", (246, 146, 190)), "brown": ("brown", "棕色", (122, 74, 36)),
    "black": ("black", "黑色", (20, 20, 20)), "white": ("white", "白色", (250, 250, 250)),
    "grey": ("grey", "灰色", (136, 136, 136)), "cyan": ("cyan", "青色", (34, 200, 208)),
}
#: name -> (English, its plural, Chinese)
SHAPES = {
    "circle": ("circle", "circles", "圆形"), "square": ("square", "squares", "正方形"),
    "triangle": ("triangle", "triangles", "三角形"), "star": ("star", "stars", "星形"),
    "heart": ("heart", "hearts", "心形"), "diamond": ("diamond", "diamonds", "菱形"),
    "cross": ("cross", "crosses", "十字形"), "ring": ("ring", "rings", "圆环"),
    "rectangle": ("rectangle", "rectangles", "长方形"), "hexagon": ("hexagon", "hexagons", "六边形"),
}
#: [row][column]
PLACES = {
    "en": [["top left", "top", "top right"], ["left", "centre", "right"], ["bottom left", "bottom", "bottom right"]],
    "zh": [["左上角", "上方", "右上角"], ["左边", "中间", "右边"], ["左下角", "下方", "右下角"]],
}
ENGLISH = """
apple arrow baby back bag ball banana bank bear bed bell big bike bird black blue boat body book box boy bread bridge
brown bus cake camera candle car card cat chair cheese child city clock close cloud coat coffee cold corn cow cup dance
dark data day deep desk dinner doctor dog door down dream dress drink duck earth east egg exit eye face farm fast field
file film fire fish five flag floor flower food foot forest fork four fox friend frog fruit game garden girl glass gold
good grape grass green hand happy hat head heart help home horse hotel hour house ice island jacket juice jump key king
kitchen kite knife lake lamp large leaf left lemon letter light lion list long love lunch machine mail map market
memory milk model money monkey moon morning mother mountain mouse music nail name network never night nine north nose
number ocean office oil one open orange oven page paint panda paper park party peach pen pencil people phone piano
picture pizza plane plant police price queen quiet rabbit radio rain read red rice right ring river road robot rock
room rose salt sand school sea seven ship shirt shoe shop short silver sister six sky sleep slow small smile snake snow
soap song soup south spoon spring star start station stone stop store street sugar summer sun table taxi tea ten
three tiger time today tomato town toy train tree truck two uncle under up vase video village violin wall warm watch
water west whale wheel white wind window wine winter wolf woman wood word work world yellow zebra zero zoo
""".split()
CHINESE = """
苹果 香蕉 西瓜 葡萄 牛奶 咖啡 面包 鸡蛋 米饭 面条 白菜 土豆 你好 谢谢 再见 早上 晚上 今天 明天 昨天 春天 夏天 秋天 冬天 太阳 月亮
星星 天空 大海 高山 河水 森林 花园 公园 学校 医院 银行 商店 饭店 车站 机场 地铁 汽车 火车 飞机 自行车 轮船 红灯 绿灯 入口 出口 左边
右边 上海 北京 中国 世界 时间 电话 电脑 手机 图书 报纸 音乐 电影 足球 篮球 游泳 跑步 朋友 老师 学生 医生 警察 工人 农民 爸爸 妈妈 哥哥
姐姐 弟弟 妹妹 小猫 小狗 老虎 狮子 大象 熊猫 鲸鱼 蝴蝶 桌子 椅子 窗户 大门 房间 厨房 衣服 鞋子 帽子 雨伞 眼镜 钥匙 快乐 安静 美丽 勇敢
模型 数据 图片 文字 语言 开始 停止 打开 关闭 推门 拉门 小心 禁止 安全 欢迎 光临 生日 新年 幸福 平安
""".split()
DAYS = {"en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], "zh": ["周一", "周二", "周三", "周四", "周五", "周六", "周日"]}
MONTHS = {"en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug"], "zh": ["一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月"]}
FRUIT = {"en": ["apple", "banana", "grape", "lemon", "peach", "tomato"], "zh": ["苹果", "香蕉", "葡萄", "西瓜", "土豆", "白菜"]}
TITLES = {"en": ["Sales", "Visitors", "Rain", "Points", "Orders", "Speed", "Memory"], "zh": ["销量", "访客", "雨量", "得分", "订单", "速度", "内存"]}
